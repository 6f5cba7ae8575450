//! The tree that emission walks: Python's syntax reduced to what TorchScript has, each node with PyTorch's range.
//!
//! PyTorch builds such a tree from Python's `ast` before it compiles anything, and the ranges of *this* tree are
//! what graphs print behind their nodes: a node's range is its own token joined with the ranges of its children.
//! [`super::desugar`] makes it. It knows no names and no types.

use std::sync::Arc;

use flambeau_syntax::Span;

use super::error::Text;

#[derive(Clone, Debug)]
pub struct Ident {
    pub name: String,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub struct Expr {
    pub kind: ExprKind,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum ExprKind {
    Var(String),
    Int(i64),
    Float(f64),
    /// Imaginary part.
    Complex(f64),
    True,
    False,
    None,
    Dots,
    Str(String),
    Bin(BinKind, Box<Expr>, Box<Expr>),
    Unary(UnKind, Box<Expr>),
    Select(Box<Expr>, Ident),
    Apply(Box<Apply>),
    Subscript(Box<Expr>, Vec<Expr>),
    Slice(Box<SliceExpr>),
    List(Vec<Expr>),
    Tuple(Vec<Expr>),
    Dict(Vec<Expr>, Vec<Expr>),
    ListComp(Box<ListComp>),
    DictComp(Box<DictComp>),
    Ternary(Box<Ternary>),
    Starred(Box<Expr>),
}

#[derive(Clone, Debug)]
pub struct Apply {
    pub callee: Expr,
    pub inputs: Vec<Expr>,
    pub attributes: Vec<Attribute>,
}

/// A keyword argument.
#[derive(Clone, Debug)]
pub struct Attribute {
    pub name: String,
    pub value: Expr,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub struct SliceExpr {
    pub start: Option<Expr>,
    pub end: Option<Expr>,
    pub step: Option<Expr>,
}

#[derive(Clone, Debug)]
pub struct ListComp {
    pub elt: Expr,
    pub target: Expr,
    pub iter: Expr,
}

#[derive(Clone, Debug)]
pub struct DictComp {
    pub key: Expr,
    pub value: Expr,
    pub target: Expr,
    pub iter: Expr,
}

#[derive(Clone, Debug)]
pub struct Ternary {
    pub cond: Expr,
    pub yes: Expr,
    pub no: Expr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinKind {
    Add,
    Sub,
    Mul,
    MatMul,
    Div,
    Mod,
    Pow,
    LShift,
    RShift,
    BitOr,
    BitXor,
    BitAnd,
    FloorDiv,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Is,
    IsNot,
    In,
    And,
    Or,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnKind {
    Neg,
    Invert,
    Not,
}

#[derive(Clone, Debug)]
pub struct Stmt {
    pub kind: StmtKind,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum StmtKind {
    Assign {
        targets: Vec<Expr>,
        value: Expr,
        ty: Option<Expr>,
    },
    AugAssign {
        target: Expr,
        op: BinKind,
        value: Expr,
    },
    Return(Expr),
    Raise(Expr),
    Assert {
        test: Expr,
        msg: Option<Expr>,
    },
    If {
        test: Expr,
        body: Vec<Stmt>,
        orelse: Vec<Stmt>,
    },
    For {
        target: Expr,
        iter: Expr,
        body: Vec<Stmt>,
    },
    While {
        test: Expr,
        body: Vec<Stmt>,
    },
    With {
        items: Vec<(Expr, Option<Expr>)>,
        body: Vec<Stmt>,
    },
    Pass,
    Break,
    Continue,
    Expr(Expr),
    Delete(Vec<Expr>),
    /// A closure; only archives have them.
    Def(Arc<Def>),
}

#[derive(Clone, Debug)]
pub struct Param {
    pub name: Ident,
    pub ty: Option<Expr>,
    /// Only in archives and native sources; the Python frontend evaluates defaults elsewhere.
    pub default: Option<Expr>,
    pub kwarg_only: bool,
    pub span: Span,
}

/// A function, and the text it stands in.
#[derive(Clone, Debug)]
pub struct Def {
    pub name: Ident,
    pub params: Vec<Param>,
    pub returns: Option<Expr>,
    pub body: Vec<Stmt>,
    pub span: Span,
    /// The range of the parameter list.
    pub params_span: Span,
    pub text: Arc<Text>,
}

impl BinKind {
    /// The builtin that an operator calls.
    pub fn op(self) -> &'static str {
        match self {
            BinKind::Add => "aten::add",
            BinKind::Sub => "aten::sub",
            BinKind::Mul => "aten::mul",
            BinKind::MatMul => "aten::matmul",
            BinKind::Div => "aten::div",
            BinKind::Mod => "aten::remainder",
            BinKind::Pow => "aten::pow",
            BinKind::LShift => "aten::__lshift__",
            BinKind::RShift => "aten::__rshift__",
            BinKind::BitOr => "aten::__or__",
            BinKind::BitXor => "aten::__xor__",
            BinKind::BitAnd => "aten::__and__",
            BinKind::FloorDiv => "aten::floordiv",
            BinKind::Eq => "aten::eq",
            BinKind::Ne => "aten::ne",
            BinKind::Lt => "aten::lt",
            BinKind::Le => "aten::le",
            BinKind::Gt => "aten::gt",
            BinKind::Ge => "aten::ge",
            BinKind::Is => "aten::__is__",
            BinKind::IsNot => "aten::__isnot__",
            BinKind::In => "aten::__contains__",
            BinKind::And => "aten::__and__",
            BinKind::Or => "aten::__or__",
        }
    }

    /// The method that an operator calls where its left operand is an object.
    pub fn magic(self) -> &'static str {
        match self {
            BinKind::Add => "__add__",
            BinKind::Sub => "__sub__",
            BinKind::Mul => "__mul__",
            BinKind::MatMul => "__matmul__",
            BinKind::Div => "__truediv__",
            BinKind::Mod => "__mod__",
            BinKind::Pow => "__pow__",
            BinKind::LShift => "__lshift__",
            BinKind::RShift => "__rshift__",
            BinKind::BitOr | BinKind::Or => "__or__",
            BinKind::BitXor => "__xor__",
            BinKind::BitAnd | BinKind::And => "__and__",
            BinKind::FloorDiv => "__floordiv__",
            BinKind::Eq => "__eq__",
            BinKind::Ne => "__ne__",
            BinKind::Lt => "__lt__",
            BinKind::Le => "__le__",
            BinKind::Gt => "__gt__",
            BinKind::Ge => "__ge__",
            BinKind::Is => "__is__",
            BinKind::IsNot => "__isnot__",
            BinKind::In => "__contains__",
        }
    }
}

impl Expr {
    pub fn new(kind: ExprKind, span: Span) -> Self {
        Self { kind, span }
    }

    pub fn var(name: impl Into<String>, span: Span) -> Self {
        Self::new(ExprKind::Var(name.into()), span)
    }

    /// The name, if the expression is one.
    pub fn as_var(&self) -> Option<&str> {
        match &self.kind {
            ExprKind::Var(name) => Some(name),
            _ => None,
        }
    }

    pub fn as_apply(&self) -> Option<&Apply> {
        match &self.kind {
            ExprKind::Apply(apply) => Some(apply),
            _ => None,
        }
    }

    /// A call, with PyTorch's range: callee and arguments, without the closing parenthesis.
    pub fn apply(callee: Expr, inputs: Vec<Expr>, attributes: Vec<Attribute>) -> Self {
        let mut span = join(callee.span, &inputs);
        for attribute in &attributes {
            span = span.to(attribute.span);
        }
        let apply = Apply {
            callee,
            inputs,
            attributes,
        };
        Self::new(ExprKind::Apply(Box::new(apply)), span)
    }
}

/// `span` joined with those of `children`.
pub fn join(span: Span, children: &[Expr]) -> Span {
    children.iter().fold(span, |s, c| s.to(c.span))
}
