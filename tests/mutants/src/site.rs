//! The places of a source file at which it can be mutated.

use std::ops::Range;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{BinOp, Block, Expr, ExprBinary, ExprLit, ExprUnary, ImplItemFn, ItemFn, Lit, ReturnType, Signature, Stmt};
use syn::{TraitItemFn, Type, UnOp};

/// A place, with one or several mutants.
pub struct Site {
    pub range: Range<usize>,
    pub line: usize,
    /// The function, after the name of its type.
    pub function: String,
    pub kind: Kind,
}

/// The change of a mutant.
pub enum Kind {
    /// An operator, with its operands, becomes another one.
    Binary { left: Range<usize>, operator: String, right: Range<usize>, other: &'static str },
    /// A negation is omitted.
    Not { operand: Range<usize> },
    /// A boolean literal is inverted.
    Bool,
    /// A statement is omitted.
    Statement,
    /// A function returns at once. The range is empty and at the start of the body.
    Return(&'static str),
}

impl Site {
    /// Returns a description of the change of `source`.
    pub fn describe(&self, source: &str) -> String {
        let text = |range: &Range<usize>| source[range.clone()].split_whitespace().collect::<Vec<_>>().join(" ");
        match &self.kind {
            Kind::Binary { left, operator, right, other } => {
                format!("`{} {operator} {}`: `{operator}` becomes `{other}`", text(left), text(right))
            }
            Kind::Not { operand } => format!("`!{}`: without `!`", text(operand)),
            Kind::Bool => format!("`{}` is inverted", text(&self.range)),
            Kind::Statement => format!("without `{}`", text(&self.range)),
            Kind::Return(value) => format!("`return {value};` at the start of the function"),
        }
    }
}

/// Finds all places in a file, except in tests, constants, macros and code for fewer features.
pub fn find(file: &syn::File) -> Vec<Site> {
    let mut finder = Finder { sites: Vec::new(), owner: None, function: String::new() };
    finder.visit_file(file);
    finder.sites
}

struct Finder {
    sites: Vec<Site>,
    /// The type or trait around the place.
    owner: Option<String>,
    function: String,
}

impl Finder {
    fn add(&mut self, range: Range<usize>, line: usize, kind: Kind) {
        let function = self.function.clone();
        self.sites.push(Site { range, line, function, kind });
    }

    fn body(&mut self, signature: &Signature, block: &Block) {
        if signature.constness.is_some() {
            return;
        }
        let owner = self.owner.iter().map(|owner| format!("{owner}::"));
        let name = owner.chain([signature.ident.to_string()]).collect();
        let outer = std::mem::replace(&mut self.function, name);
        let start = block.brace_token.span.open().byte_range().end;
        for value in returns(&signature.output).iter().filter(|value| !is_body(block, value)) {
            self.add(start..start, signature.ident.span().start().line, Kind::Return(value));
        }
        visit::visit_block(self, block);
        self.function = outer;
    }

    /// Visits the members of a type or trait.
    fn members(&mut self, owner: String, visit: impl FnOnce(&mut Self)) {
        let outer = self.owner.replace(owner);
        visit(self);
        self.owner = outer;
    }
}

/// Returns the last name of a type, without its arguments.
fn type_name(ty: &Type) -> String {
    match ty {
        Type::Path(path) => path.path.segments.last().map_or_else(String::new, |last| last.ident.to_string()),
        other => other.span().source_text().unwrap_or_default(),
    }
}

/// Returns whether the body is `value`, possibly after `let _ = argument;`.
fn is_body(block: &Block, value: &str) -> bool {
    let rest = match &*block.stmts {
        [Stmt::Local(local), rest @ ..] if matches!(local.pat, syn::Pat::Wild(_)) => rest,
        all => all,
    };
    match rest {
        [] => value.is_empty(),
        [Stmt::Expr(last, None)] => last.span().source_text().is_some_and(|text| text == value),
        _ => false,
    }
}

/// The values that replace the result of a function.
fn returns(output: &ReturnType) -> &'static [&'static str] {
    let ReturnType::Type(_, ty) = output else { return &[""] };
    let Type::Path(path) = &**ty else { return &[] };
    let Some(last) = path.path.segments.last() else { return &[] };
    match last.ident.to_string().as_str() {
        "bool" => &["true", "false"],
        "Option" => &["None"],
        "u8" | "u16" | "u32" | "u64" | "usize" => &["0", "1"],
        "Result" if is_result_of_unit(&last.arguments) => &["Ok(())"],
        _ => &[],
    }
}

fn is_result_of_unit(arguments: &syn::PathArguments) -> bool {
    let syn::PathArguments::AngleBracketed(arguments) = arguments else { return false };
    matches!(arguments.args.first(), Some(syn::GenericArgument::Type(Type::Tuple(unit))) if unit.elems.is_empty())
}

/// Returns whether an item is for tests, or is not compiled with all features on this processor.
fn is_omitted(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let is_cfg = attribute.path().is_ident("cfg") || attribute.path().is_ident("test");
        let is_left_out = |condition: &str| {
            condition == "test"
                || condition.starts_with("all (test")
                || condition.starts_with("not (feature")
                || condition == format!("not (target_arch = \"{}\")", std::env::consts::ARCH)
        };
        is_cfg && attribute.meta.require_list().map_or(true, |list| is_left_out(&list.tokens.to_string()))
    })
}

/// The operator that replaces another one.
fn other(operator: &BinOp) -> Option<&'static str> {
    Some(match operator {
        BinOp::Eq(_) => "!=",
        BinOp::Ne(_) => "==",
        BinOp::Lt(_) => "<=",
        BinOp::Le(_) => "<",
        BinOp::Gt(_) => ">=",
        BinOp::Ge(_) => ">",
        BinOp::And(_) => "||",
        BinOp::Or(_) => "&&",
        BinOp::Add(_) => "-",
        BinOp::Sub(_) => "+",
        BinOp::Mul(_) => "+",
        BinOp::Div(_) => "*",
        BinOp::Rem(_) => "/",
        BinOp::BitAnd(_) => "|",
        BinOp::BitOr(_) => "&",
        BinOp::BitXor(_) => "&",
        BinOp::Shl(_) => ">>",
        BinOp::Shr(_) => "<<",
        _ => return None,
    })
}

fn contains_let(expression: &Expr) -> bool {
    match expression {
        Expr::Let(_) => true,
        Expr::Binary(binary) => contains_let(&binary.left) || contains_let(&binary.right),
        _ => false,
    }
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let attributes = match item {
            syn::Item::Mod(item) => &item.attrs,
            syn::Item::Fn(item) => &item.attrs,
            syn::Item::Impl(item) => &item.attrs,
            syn::Item::Const(_) | syn::Item::Static(_) | syn::Item::Macro(_) | syn::Item::Enum(_) => return,
            _ => return visit::visit_item(self, item),
        };
        if !is_omitted(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        // The text for programmers is not part of the behaviour.
        let name =
            item.trait_.as_ref().and_then(|(_, path, _)| path.segments.last()).map(|last| last.ident.to_string());
        if name.as_deref() != Some("Debug") {
            self.members(type_name(&item.self_ty), |finder| visit::visit_item_impl(finder, item));
        }
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.members(item.ident.to_string(), |finder| visit::visit_item_trait(finder, item));
    }

    fn visit_impl_item_const(&mut self, _: &'ast syn::ImplItemConst) {}

    fn visit_trait_item_const(&mut self, _: &'ast syn::TraitItemConst) {}

    fn visit_expr_const(&mut self, _: &'ast syn::ExprConst) {}

    fn visit_expr_repeat(&mut self, repeat: &'ast syn::ExprRepeat) {
        self.visit_expr(&repeat.expr);
    }

    fn visit_type(&mut self, _: &'ast Type) {}

    fn visit_pat(&mut self, _: &'ast syn::Pat) {}

    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}

    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        if !is_omitted(&function.attrs) {
            self.body(&function.sig, &function.block);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        if !is_omitted(&function.attrs) {
            self.body(&function.sig, &function.block);
        }
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(block) = &function.default {
            self.body(&function.sig, block);
        }
    }

    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        if let Stmt::Expr(expression, Some(_)) = statement
            && matches!(
                expression,
                Expr::MethodCall(_) | Expr::Call(_) | Expr::Assign(_) | Expr::Try(_) | Expr::Binary(_)
            )
        {
            let span = statement.span();
            self.add(span.byte_range(), span.start().line, Kind::Statement);
        }
        visit::visit_stmt(self, statement);
    }

    fn visit_expr_binary(&mut self, binary: &'ast ExprBinary) {
        let conditional = matches!(binary.op, BinOp::And(_) | BinOp::Or(_));
        // The sum with a reference is a text.
        let is_text = matches!((&binary.op, &*binary.right), (BinOp::Add(_), Expr::Reference(_)));
        if let Some(other) = other(&binary.op).filter(|_| !is_text)
            && !(conditional && (contains_let(&binary.left) || contains_let(&binary.right)))
        {
            let (left, right) = (binary.left.span().byte_range(), binary.right.span().byte_range());
            let line = binary.op.span().start().line;
            let operator = operator(&binary.op);
            self.add(binary.span().byte_range(), line, Kind::Binary { left, operator, right, other });
        }
        visit::visit_expr_binary(self, binary);
    }

    fn visit_expr_unary(&mut self, unary: &'ast ExprUnary) {
        if let UnOp::Not(not) = &unary.op {
            let operand = unary.expr.span().byte_range();
            self.add(unary.span().byte_range(), not.span().start().line, Kind::Not { operand });
        }
        visit::visit_expr_unary(self, unary);
    }

    fn visit_expr_lit(&mut self, literal: &'ast ExprLit) {
        if let Lit::Bool(value) = &literal.lit {
            self.add(value.span().byte_range(), value.span().start().line, Kind::Bool);
        }
    }
}

fn operator(operator: &BinOp) -> String {
    operator.span().source_text().unwrap_or_default()
}
