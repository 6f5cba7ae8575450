//! The syntax tree: all of Python that TorchScript's frontend reads, and enough of the rest to refuse it by name.
//!
//! One `Expr { kind, span }`, one `Stmt { kind, span }`. Spans are those of CPython's `ast` (a parenthesised
//! expression's span is without its parentheses, save for a tuple's own). The tree is never deeper than
//! [`MAX_DEPTH`], so that recursive functions over it (and its `Drop`) need no more than a bounded stack.

use crate::span::Span;

/// No statement or expression of a tree is nested deeper than this; deeper text is a diagnostic.
pub const MAX_DEPTH: usize = 1000;

/// A name where the grammar wants exactly a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ident {
    pub name: String,
    pub span: Span,
}

/// A whole file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Module {
    pub body: Vec<Stmt>,
    /// Every comment of the file, in order; spans include the `#` and exclude the newline.
    pub comments: Vec<Span>,
}

/// A `# type: …` comment that annotates an assignment, a `for` or a `with`.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeComment {
    /// What stands behind `# type:`, parsed.
    pub ty: Expr,
    /// The whole comment.
    pub span: Span,
}

/// A function signature given in comments: `# type: (int, Tensor) -> Tensor`, or one comment per argument.
#[derive(Clone, Debug, PartialEq)]
pub struct SignatureComment {
    pub params: Vec<Expr>,
    /// Absent in `# type: (int)`: the return type is then inferred.
    pub returns: Option<Expr>,
    /// The comment (of the per-argument form, the last one, which holds the return type).
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Stmt {
    pub kind: StmtKind,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub enum StmtKind {
    FunctionDef(Box<FunctionDef>),
    ClassDef(Box<ClassDef>),
    /// `a = b = value`
    Assign {
        targets: Vec<Expr>,
        value: Expr,
        type_comment: Option<Box<TypeComment>>,
    },
    /// `target op= value`
    AugAssign {
        target: Expr,
        op: BinOp,
        value: Expr,
    },
    /// `target: annotation [= value]`
    AnnAssign {
        target: Expr,
        annotation: Expr,
        value: Option<Expr>,
    },
    Return {
        value: Option<Expr>,
    },
    Raise {
        exc: Option<Expr>,
        cause: Option<Expr>,
    },
    Assert {
        test: Expr,
        msg: Option<Expr>,
    },
    /// `elif` is an `If` alone in `orelse`, whose span starts at the `elif`.
    If {
        test: Expr,
        body: Vec<Stmt>,
        orelse: Vec<Stmt>,
    },
    For {
        target: Expr,
        iter: Expr,
        body: Vec<Stmt>,
        orelse: Vec<Stmt>,
        type_comment: Option<Box<TypeComment>>,
    },
    While {
        test: Expr,
        body: Vec<Stmt>,
        orelse: Vec<Stmt>,
    },
    With {
        items: Vec<WithItem>,
        body: Vec<Stmt>,
        type_comment: Option<Box<TypeComment>>,
    },
    Pass,
    Break,
    Continue,
    Expr(Expr),
    Delete {
        targets: Vec<Expr>,
    },
    /// `import a.b as c, d`
    Import {
        names: Vec<Alias>,
    },
    /// `from ..module import a as b`; `level` counts the leading dots.
    ImportFrom {
        module: Option<Ident>,
        names: Vec<Alias>,
        level: u32,
    },
    /// A statement TorchScript's frontend refuses; `what` is the name it gives it ("try blocks", "Match", …),
    /// to be followed by "aren't supported". `keyword_len` is how many bytes PyTorch underlines.
    Unsupported {
        what: &'static str,
        keyword_len: u32,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct FunctionDef {
    pub name: Ident,
    /// In order of appearance.
    pub params: Vec<Param>,
    pub returns: Option<Expr>,
    pub decorators: Vec<Expr>,
    pub body: Vec<Stmt>,
    /// The signature given in `# type:` comments, if any.
    pub signature: Option<Box<SignatureComment>>,
    /// A signature comment that could not be read: what is wrong with it, and where.
    pub bad_signature: Option<(String, Span)>,
    /// From `def` (without decorators) to the end of the body.
    pub span: Span,
    /// The whole lines of the function with its decorators, as Python's `inspect.getsource` cuts them out.
    pub source: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamKind {
    /// Before a `/`.
    PositionalOnly,
    /// Ordinary.
    Positional,
    /// `*args`
    VarArgs,
    /// Behind a `*` or `*args`.
    KeywordOnly,
    /// `**kwargs`
    KwArgs,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    pub name: Ident,
    pub kind: ParamKind,
    pub annotation: Option<Expr>,
    pub default: Option<Expr>,
    /// Name and annotation, without stars and default (CPython's `arg` node).
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ClassDef {
    pub name: Ident,
    pub bases: Vec<Expr>,
    pub keywords: Vec<Keyword>,
    pub decorators: Vec<Expr>,
    pub body: Vec<Stmt>,
    /// From `class` (without decorators) to the end of the body.
    pub span: Span,
    /// The whole lines of the class with its decorators, as Python's `inspect.getsource` cuts them out.
    pub source: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub struct WithItem {
    pub context: Expr,
    pub target: Option<Expr>,
}

/// One name of an import: a dotted path, and what it is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// `a.b.c`, or `*`.
    pub name: Ident,
    pub asname: Option<Ident>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    pub kind: ExprKind,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    Name(String),
    Constant(Constant),
    Attribute {
        value: Box<Expr>,
        attr: Ident,
    },
    /// `value[index]`; several indices are a `Tuple`, `a:b:c` is a `Slice`.
    Subscript {
        value: Box<Expr>,
        index: Box<Expr>,
    },
    Slice {
        lower: Option<Box<Expr>>,
        upper: Option<Box<Expr>>,
        step: Option<Box<Expr>>,
    },
    /// Positional arguments may be `Starred`.
    Call {
        func: Box<Expr>,
        args: Vec<Expr>,
        keywords: Vec<Keyword>,
    },
    BinOp {
        op: BinOp,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    UnaryOp {
        op: UnaryOp,
        operand: Box<Expr>,
    },
    /// `a and b and c` is one node.
    BoolOp {
        op: BoolOp,
        values: Vec<Expr>,
    },
    /// `left op₀ c₀ op₁ c₁ …`
    Compare {
        left: Box<Expr>,
        ops: Vec<CmpOp>,
        comparators: Vec<Expr>,
    },
    /// `body if test else orelse`
    IfExp {
        test: Box<Expr>,
        body: Box<Expr>,
        orelse: Box<Expr>,
    },
    List(Vec<Expr>),
    Tuple(Vec<Expr>),
    /// A `None` key is `**value`.
    Dict {
        keys: Vec<Option<Expr>>,
        values: Vec<Expr>,
    },
    Starred(Box<Expr>),
    ListComp {
        element: Box<Expr>,
        generators: Vec<Comprehension>,
    },
    /// `(element for …)`, which TorchScript reads as a list comprehension.
    GeneratorExp {
        element: Box<Expr>,
        generators: Vec<Comprehension>,
    },
    DictComp {
        key: Box<Expr>,
        value: Box<Expr>,
        generators: Vec<Comprehension>,
    },
    /// An f-string.
    JoinedStr(Vec<FStringPart>),
    /// An expression TorchScript's frontend refuses; `what` is the name of its `ast` class ("Lambda", "Set", …).
    Unsupported {
        what: &'static str,
    },
}

/// `arg=value` in a call or in a class's bases; `arg` is absent in `**value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Keyword {
    pub arg: Option<Ident>,
    pub value: Expr,
    pub span: Span,
}

/// `for target in iter if … if …`
#[derive(Clone, Debug, PartialEq)]
pub struct Comprehension {
    pub target: Expr,
    pub iter: Expr,
    pub ifs: Vec<Expr>,
    pub is_async: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum FStringPart {
    Text(String, Span),
    Value {
        value: Expr,
        /// `r`, `s` or `a` behind a `!`.
        conversion: Option<char>,
        /// Whether a `:format` follows; its content is only kept as text.
        format: Option<String>,
        span: Span,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub enum Constant {
    None,
    Bool(bool),
    Int(i64),
    /// The text of an integer beyond 64 bits, without underscores.
    BigInt(String),
    Float(f64),
    /// `2j`: the imaginary part.
    Complex(f64),
    Str(String),
    Bytes(Vec<u8>),
    Ellipsis,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinOp {
    Add,
    Sub,
    Mult,
    MatMult,
    Div,
    Mod,
    Pow,
    LShift,
    RShift,
    BitOr,
    BitXor,
    BitAnd,
    FloorDiv,
}

impl BinOp {
    /// `+`, `//`, …
    pub fn token(self) -> &'static str {
        match self {
            BinOp::Add => "+",
            BinOp::Sub => "-",
            BinOp::Mult => "*",
            BinOp::MatMult => "@",
            BinOp::Div => "/",
            BinOp::Mod => "%",
            BinOp::Pow => "**",
            BinOp::LShift => "<<",
            BinOp::RShift => ">>",
            BinOp::BitOr => "|",
            BinOp::BitXor => "^",
            BinOp::BitAnd => "&",
            BinOp::FloorDiv => "//",
        }
    }

    /// The name of Python's `ast` class, which PyTorch's messages use.
    pub fn name(self) -> &'static str {
        match self {
            BinOp::Add => "Add",
            BinOp::Sub => "Sub",
            BinOp::Mult => "Mult",
            BinOp::MatMult => "MatMult",
            BinOp::Div => "Div",
            BinOp::Mod => "Mod",
            BinOp::Pow => "Pow",
            BinOp::LShift => "LShift",
            BinOp::RShift => "RShift",
            BinOp::BitOr => "BitOr",
            BinOp::BitXor => "BitXor",
            BinOp::BitAnd => "BitAnd",
            BinOp::FloorDiv => "FloorDiv",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnaryOp {
    Invert,
    Not,
    UAdd,
    USub,
}

impl UnaryOp {
    pub fn token(self) -> &'static str {
        match self {
            UnaryOp::Invert => "~",
            UnaryOp::Not => "not",
            UnaryOp::UAdd => "+",
            UnaryOp::USub => "-",
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            UnaryOp::Invert => "Invert",
            UnaryOp::Not => "Not",
            UnaryOp::UAdd => "UAdd",
            UnaryOp::USub => "USub",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BoolOp {
    And,
    Or,
}

impl BoolOp {
    pub fn token(self) -> &'static str {
        match self {
            BoolOp::And => "and",
            BoolOp::Or => "or",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CmpOp {
    Eq,
    NotEq,
    Lt,
    LtE,
    Gt,
    GtE,
    Is,
    IsNot,
    In,
    NotIn,
}

impl CmpOp {
    pub fn token(self) -> &'static str {
        match self {
            CmpOp::Eq => "==",
            CmpOp::NotEq => "!=",
            CmpOp::Lt => "<",
            CmpOp::LtE => "<=",
            CmpOp::Gt => ">",
            CmpOp::GtE => ">=",
            CmpOp::Is => "is",
            CmpOp::IsNot => "is not",
            CmpOp::In => "in",
            CmpOp::NotIn => "not in",
        }
    }
}

impl Stmt {
    /// Name, annotation and value of `name: annotation = value`.
    pub fn as_declaration(&self) -> Option<(&str, &Expr, Option<&Expr>)> {
        match &self.kind {
            StmtKind::AnnAssign {
                target,
                annotation,
                value,
            } => Some((target.as_name()?, annotation, value.as_ref())),
            _ => None,
        }
    }
}

impl StmtKind {
    /// What PyTorch's frontend calls this statement when it refuses it ("… aren't supported"), and how many
    /// bytes from the statement's start it underlines.
    pub fn frontend_name(&self) -> (&'static str, u32) {
        match self {
            StmtKind::FunctionDef(_) => ("function definitions", 3),
            StmtKind::ClassDef(_) => ("class definitions", 5),
            StmtKind::Assign { .. } => ("Assign", 1),
            StmtKind::AugAssign { .. } => ("AugAssign", 1),
            StmtKind::AnnAssign { .. } => ("annotated assignments", 1),
            StmtKind::Return { .. } => ("Return", 1),
            StmtKind::Raise { .. } => ("raise statements", 5),
            StmtKind::Assert { .. } => ("assertions", 6),
            StmtKind::If { .. } => ("If", 1),
            StmtKind::For { .. } => ("for loops", 3),
            StmtKind::While { .. } => ("While", 1),
            StmtKind::With { .. } => ("with statements", 4),
            StmtKind::Pass => ("Pass", 1),
            StmtKind::Break => ("break statements", 5),
            StmtKind::Continue => ("continue statements", 8),
            StmtKind::Expr(_) => ("Expr", 1),
            StmtKind::Delete { .. } => ("del statements", 3),
            StmtKind::Import { .. } => ("import statements", 6),
            StmtKind::ImportFrom { .. } => ("import statements", 4),
            StmtKind::Unsupported { what, keyword_len } => (what, *keyword_len),
        }
    }
}

impl Expr {
    pub fn new(kind: ExprKind, span: Span) -> Self {
        Self { kind, span }
    }

    /// The name, if the expression is one.
    pub fn as_name(&self) -> Option<&str> {
        match &self.kind {
            ExprKind::Name(name) => Some(name),
            _ => None,
        }
    }

    /// `a.b.c` as one string, if the expression is a name with attributes.
    pub fn dotted(&self) -> Option<String> {
        match &self.kind {
            ExprKind::Name(name) => Some(name.clone()),
            ExprKind::Attribute { value, attr } => {
                let mut path = value.dotted()?;
                path.push('.');
                path.push_str(&attr.name);
                Some(path)
            }
            _ => None,
        }
    }

    /// The elements of a tuple, or the expression itself: what stands between the brackets of a subscript.
    pub fn elements(&self) -> &[Expr] {
        match &self.kind {
            ExprKind::Tuple(elements) => elements,
            _ => std::slice::from_ref(self),
        }
    }
}
