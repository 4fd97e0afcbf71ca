//! The server, and its clients.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::{ClientOptions, RetryConfig};
use vmstate::snapshot::Bucket;

/// The server, which ends when this is dropped.
pub(crate) struct Server {
    child: Child,
    input: Option<ChildStdin>,
    pub(crate) access: Access,
}

/// An address, and the credentials of its client.
#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) address: String,
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) secret: String,
}

impl Server {
    pub(crate) fn start() -> Self {
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut command = Command::new(project.join("target/s3/bin/python"));
        command.arg(project.join("tests/s3/serve")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let child = command.spawn();
        let mut child = child.unwrap_or_else(|error| panic!("the server: {error}; tests/s3/install installs it"));
        let (input, mut line) = (child.stdin.take(), String::new());
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let [address, key, secret]: [&str; 3] =
            line.split_whitespace().collect::<Vec<_>>().try_into().expect("the server starts in time");
        let access = Access {
            address: address.to_owned(),
            bucket: "snapshots".to_owned(),
            key: key.to_owned(),
            secret: secret.to_owned(),
        };
        Self { child, input, access }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

/// The environment variable of a child with the words of an access.
const ACCESS: &str = "VMSTATE_TEST_S3";

impl Access {
    /// Returns the access of a child process, or `None` in other processes.
    pub(crate) fn of_child() -> Option<Self> {
        let variable = std::env::var(ACCESS).ok()?;
        let [address, bucket, key, secret]: [&str; 4] = variable.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let [address, bucket, key, secret] = [address, bucket, key, secret].map(str::to_owned);
        Some(Self { address, bucket, key, secret })
    }

    /// Starts a process that runs one test.
    pub(crate) fn child(&self, test: &str) -> Child {
        let Self { address, bucket, key, secret } = self;
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", test, "--nocapture"]).env(ACCESS, [&**address, bucket, key, secret].join(" "));
        command.stdout(Stdio::null()).spawn().unwrap()
    }

    /// Returns a store whose client has the default deadlines and attempts.
    pub(crate) fn store(&self) -> Bucket {
        self.store_with(options(), RetryConfig::default())
    }

    /// Returns a store whose client has this deadline for each request, and does not repeat it.
    pub(crate) fn hasty_store(&self, deadline: Duration) -> Bucket {
        let retry = RetryConfig { max_retries: 0, ..RetryConfig::default() };
        self.store_with(options().with_timeout(deadline), retry)
    }

    fn store_with(&self, options: ClientOptions, retry: RetryConfig) -> Bucket {
        // Another thread may have installed it before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = AmazonS3Builder::new().with_client_options(options).with_retry(retry);
        let builder = builder.with_endpoint(&self.address).with_bucket_name(&self.bucket).with_region("us-east-1");
        let builder = builder.with_access_key_id(&self.key).with_secret_access_key(&self.secret);
        Bucket::new(Arc::new(builder.build().unwrap()), "boards/7").unwrap()
    }
}

/// Returns options for a server of this machine. Without TLS, the certificates of the system are not needed.
fn options() -> ClientOptions {
    ClientOptions::new().with_allow_http(true).with_allow_invalid_certificates(true)
}
