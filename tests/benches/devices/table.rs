//! The table of results.

use std::fmt;

use crate::measure::{Contender, medians};

/// Nanoseconds of one device: of each codec, to save and to load.
struct Row {
    device: &'static str,
    size: usize,
    saves: Vec<f64>,
    loads: Vec<f64>,
}

/// All devices.
pub(crate) struct Table {
    rounds: usize,
    codecs: Vec<&'static str>,
    rows: Vec<Row>,
}

impl Table {
    /// An empty table, for times that are medians of so many rounds.
    pub(crate) fn new(rounds: usize) -> Self {
        Self { rounds, codecs: Vec::new(), rows: Vec::new() }
    }

    /// Measures the codecs of one more device.
    pub(crate) fn measure(&mut self, device: &'static str, contenders: &mut [Box<dyn Contender + '_>]) {
        self.codecs = contenders.iter().map(|contender| contender.name()).collect();
        let saves = medians(contenders, |contender, times| contender.save(times), self.rounds);
        let loads = medians(contenders, |contender, times| contender.load(times), self.rounds);
        self.rows.push(Row { device, size: contenders[0].size(), saves, loads });
    }

    /// Returns the ratios of a codec's times to the times of the first codec, for each device, and their mean.
    fn ratios(&self, codec: usize, times: fn(&Row) -> &[f64]) -> Vec<f64> {
        let ratio = |row| times(row)[codec] / times(row)[0];
        let mut ratios: Vec<f64> = self.rows.iter().map(ratio).collect();
        let logarithms: f64 = ratios.iter().map(|ratio| ratio.ln()).sum();
        ratios.push((logarithms / ratios.len() as f64).exp());
        ratios
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<23}", "")?;
        self.rows.iter().try_for_each(|row| write!(f, " {:>15}", row.device))?;
        write!(f, " {:>15}\n{:<23}", "mean", "")?;
        self.rows.iter().try_for_each(|row| write!(f, " {:>15}", format!("{} bytes", row.size)))?;
        write!(f, "\n{:<23}", format!("{} (ns)", self.codecs[0]))?;
        self.rows
            .iter()
            .try_for_each(|row| write!(f, " {:>15}", format!("{:.1} / {:.1}", row.saves[0], row.loads[0])))?;
        writeln!(f)?;
        for (index, codec) in self.codecs.iter().enumerate().skip(1) {
            write!(f, "{codec:<23}")?;
            let ratios = self.ratios(index, |row| &row.saves).into_iter().zip(self.ratios(index, |row| &row.loads));
            for (save, load) in ratios {
                write!(f, " {:>15}", format!("{save:.2} / {load:.2}"))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
