//! Small texts and what the parser, the printer and the excerpts make of them.

use std::sync::Arc;

use flambeau_syntax::*;

fn parse(text: &str) -> (Arc<SourceFile>, Module, Vec<Diagnostic>) {
    let file = Arc::new(SourceFile::new("case.py", text));
    let (module, diagnostics) = parse_module(&file);
    (file, module, diagnostics)
}

/// The printed form of a program.
fn check(text: &str, expected: &str) {
    let (file, module, diagnostics) = parse(text);
    assert_eq!(
        diagnostics.iter().map(|d| &*d.message).collect::<Vec<_>>(),
        [""; 0],
        "{text}"
    );
    assert_eq!(print_module(&module, &file), expected, "{text}");
}

/// A statement that prints as it stands.
fn same(text: &str) {
    check(text, &format!("{text}\n"));
}

#[test]
fn expressions_print_back() {
    for text in [
        "x",
        "1",
        "1.0",
        "1e-05",
        "1e+16",
        "0.1",
        "2.0j",
        "\"a\\n\\\"b\"",
        "b\"\\x00a\"",
        "None",
        "...",
        "a.b.c",
        "(1).real",
        "1.0.real",
        "f(a, *b, k=1, **d)",
        "x[1]",
        "x[1:2, ..., None]",
        "x[a,]",
        "x[:]",
        "x[::2]",
        "x[()]",
        "-a ** -b",
        "(-a) ** b",
        "(a ** b) ** c",
        "a ** b ** c",
        "a - (b - c)",
        "a - b - c",
        "(a + b) * c",
        "a + b * c",
        "a @ b",
        "a // b % c",
        "not (a and b) or c",
        "a < b <= c",
        "(a < b) < c",
        "a is not None and b not in c",
        "a if b else c if d else e",
        "(a if b else c) if d else e",
        "[a, [b], (c,), ()]",
        "{a: b, **c}",
        "{}",
        "[x for x in y if a if b]",
        "[x for (i, x) in y]",
        "{k: v for (k, v) in d}",
        "f((x for x in y))",
        "f\"a{b}c{{{d!r:>{w}}}}\"",
        "f\"{ {a: b}}\"",
        "a or b and c",
        "(a or b) and c",
        "~a | b ^ c & d << e",
        "(lambda x: x)(1)",
    ] {
        same(text);
    }
    check("x = 0x10 + 1_000 + 0b11", "x = 16 + 1000 + 3\n");
    check("99999999999999999999", "99999999999999999999\n");
    check("'a' \"b\"", "\"ab\"\n");
    check("f'{x=}'", "f\"x={x!r}\"\n");
    check("sum(x for x in y)", "sum((x for x in y))\n");
    check("1e400", "1e999\n");
}

#[test]
fn strings_lose_the_indentation_of_their_function() {
    for (text, expected) in [
        ("\"\"\"a\n      b\n  c\n\n    \n    d\"\"\"", "a\n  b\n  c\n\n\nd"),
        ("'a \\\n     b'", "a  b"),
        ("('a\\n    b'\n    'c')", "a\n    bc"),
        ("f\"\"\"a\n     {x}\n    b\"\"\"", "a\n |\nb"),
        ("f'a\\n    {x}'", "a\n    |"),
    ] {
        let file = Arc::new(SourceFile::new("case.py", format!("if True:\n    {text}\n")));
        let (module, _) = parse_indented(&file, "    ");
        let StmtKind::If { body, .. } = &module.body[0].kind else {
            panic!("{text}");
        };
        let StmtKind::Expr(value) = &body[0].kind else {
            panic!("{text}");
        };
        let found = match &value.kind {
            ExprKind::Constant(Constant::Str(found)) => found.clone(),
            ExprKind::JoinedStr(parts) => parts
                .iter()
                .map(|part| match part {
                    FStringPart::Text(text, _) => text.as_str(),
                    FStringPart::Value { .. } => "|",
                })
                .collect(),
            other => panic!("{other:?}"),
        };
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn statements_print_back() {
    for text in [
        "a = b = c",
        "(a, *b) = c",
        "a: int",
        "a: int = 1",
        "a.b: int = 1",
        "a //= b",
        "a @= b",
        "return",
        "return (a, b)",
        "raise",
        "raise E(\"x\") from e",
        "assert a, \"b\"",
        "del a, b[c]",
        "import a.b as c, d",
        "from ..a import b as c, d",
        "from . import a",
        "from a import *",
        "pass",
        "if a:\n    pass\nelif b:\n    break\nelse:\n    continue",
        "while a:\n    b\nelse:\n    c",
        "for (i, x) in y:\n    b\nelse:\n    c",
        "with a as b, c:\n    d",
        "with ((a, b)):\n    d",
        "with (a, b) as c:\n    d",
        "@a.b(c)\ndef f(self, a: int, /, b=1, *c: int, d, e: int = 2, **f) -> int:\n    return a"
            .replace("b=1", "b = 1")
            .as_str(),
        "def f(a, *, b):\n    pass",
        "def f(a, b, /):\n    pass",
        "@d\nclass A(B, m=C):\n    x: int",
        "try:\n    a\nexcept E:\n    b\nfinally:\n    c",
        "def f():\n    if a:\n        try:\n            a\n        except E:\n            b",
        "match a:\n    case 1:\n        b",
        "global a",
        "async def f():\n    await b",
        "x = [] # type: List[int]".replace(" #", "  #").as_str(),
        "for i in x:  # type: int\n    pass",
        "def f(a, b):\n    # type: (int, List[str]) -> Tensor\n    return a",
        "def f():\n    # type: () -> None\n    pass",
        "def f(a):\n    # type: (int)\n    pass",
    ] {
        same(text);
    }
}

fn first(text: &str) -> StmtKind {
    let (_, module, diagnostics) = parse(text);
    assert!(diagnostics.is_empty(), "{text}: {diagnostics:?}");
    module.body.into_iter().next().expect("a statement").kind
}

#[test]
fn refused_nodes_have_pytorchs_names() {
    for (text, name) in [
        ("lambda: 0", "Lambda"),
        ("(x := 1)", "NamedExpr"),
        ("{1, 2}", "Set"),
        ("{x for x in y}", "SetComp"),
        ("await x", "Await"),
        ("(yield x)", "Yield"),
        ("(yield)", "Yield"),
        ("(yield from x)", "YieldFrom"),
        ("t'{x}'", "TemplateStr"),
    ] {
        let StmtKind::Expr(Expr {
            kind: ExprKind::Unsupported { what },
            ..
        }) = first(text)
        else {
            panic!("{text} is accepted")
        };
        assert_eq!(what, name, "{text}");
    }
    for (text, name) in [
        ("try:\n  a\nfinally:\n  b", "try blocks"),
        ("try:\n  a\nexcept* E:\n  b", "TryStar"),
        ("match a:\n  case b: c", "Match"),
        ("global a", "global variables"),
        ("nonlocal a", "nonlocal variables"),
        ("async def f(): pass", "async function definitions"),
        ("async for a in b: pass", "async for loops"),
        ("async with a: pass", "async with statements"),
        ("type a = b", "TypeAlias"),
        ("def f(): pass", "function definitions"),
        ("class A: pass", "class definitions"),
        ("import a", "import statements"),
        ("from a import b", "import statements"),
        ("a: int", "annotated assignments"),
    ] {
        assert_eq!(first(text).frontend_name().0, name, "{text}");
    }
}

/// The span of the first expression of the first statement: Python's, and PyTorch's.
fn check_spans(text: &str, python: &str, torch: &str) {
    let (file, module, _) = parse(text);
    let StmtKind::Expr(e) = &module.body[0].kind else {
        panic!("{text} is no expression")
    };
    assert_eq!(file.slice(e.span), python, "{text}");
    assert_eq!(file.slice(e.torch_span(&file)), torch, "{text}");
}

#[test]
fn spans() {
    check_spans("(a + b) * c", "(a + b) * c", "a + b) * c");
    check_spans("f(a, b)", "f(a, b)", "f(a, b");
    check_spans("f()", "f()", "f");
    check_spans("[1, 2]", "[1, 2]", "[1, 2");
    check_spans("(1, 2)", "(1, 2)", "(1, 2");
    check_spans("x.y", "x.y", "x.y");
    check_spans("x . y", "x . y", "x .");
    check_spans("f(x).yz", "f(x).yz", "f(x).y");
    check_spans("x[1:2, 3]", "x[1:2, 3]", "x[1:2, 3");
    check_spans("x[:]", "x[:]", "x");
    check_spans("not x", "not x", "not x");
    check_spans("- (x)", "- (x)", "- (x");
    check_spans("a if b else c", "a if b else c", "a if b else c");
    check_spans("1e-5 ", "1e-5", "1e-5 ");
    check_spans("'ab'", "'ab'", "'ab");
    check_spans("[x for x in y]", "[x for x in y]", "[x for x in y");
    check_spans("a < b < c", "a < b < c", "a < b < c");
}

/// The signature that comments give the function.
fn check_signature(text: &str, expected: &str) {
    let (file, module, diagnostics) = parse(text);
    assert!(diagnostics.is_empty(), "{text}: {diagnostics:?}");
    let StmtKind::FunctionDef(def) = &module.body[0].kind else {
        panic!("{text} is no function")
    };
    let found = match (&def.signature, &def.bad_signature) {
        (Some(s), _) => {
            let params: Vec<String> = s.params.iter().map(|p| print_expr(p, &file)).collect();
            let returns = s
                .returns
                .as_ref()
                .map_or(String::from("?"), |r| print_expr(r, &file));
            format!("({}) -> {returns}", params.join(", "))
        }
        (None, Some((message, _))) => message.lines().next().unwrap_or("").to_string(),
        (None, None) => "none".to_string(),
    };
    assert_eq!(found, expected, "{text}");
}

#[test]
fn signature_comments() {
    check_signature(
        "def f(x):\n    # type: (int) -> int\n    return x",
        "(int) -> int",
    );
    check_signature(
        "def f(x):\n    # type: (Dict[str, int], Tuple[()]) -> int\n    return x",
        "(Dict[str, int], Tuple[()]) -> int",
    );
    check_signature("def f(x):\n    # type: (int)\n    return x", "(int) -> ?");
    check_signature("def f():\n    # type: () -> None\n    return x", "() -> None");
    check_signature(
        "def f(x,  # type: int\n      s,  # type: str\n      ):\n    # type: (...) -> Tuple[str, int]\n    return s",
        "(int, str) -> Tuple[str, int]",
    );
    check_signature("def f(x):\n    y = x  # type: ignore\n    return y", "none");
    check_signature(
        "def f(x):\n    y = x  # type: ignore[attr-defined]\n    return y",
        "none",
    );
    check_signature("def f(x):\n    return x\n# type: (int) -> int", "none");
    check_signature(
        "def f(x):\n    return x\n    # type: (int) -> int",
        "(int) -> int",
    );
    check_signature(
        "def f(x):\n    #type: (int) -> int\n    return x",
        "The annotation prefix in line 1 is probably invalid.",
    );
    check_signature(
        "def f(x):\n    c = []  # type: List[int]\n    return x",
        "expected type comment but found 'ident' here:",
    );
    check_signature(
        "def f(x):\n    a = 1 # type: int\n    b = 2 # type: int",
        "Return type line '# type: (...) -> ...' not found on multiline type annotation",
    );
    check_signature(
        "def f(x):\n    # type: (int -> int\n    return x",
        "expected a signature such as `# type: (int, Tensor) -> Tensor`, found `# type: (int -> int`",
    );
    check_signature(
        "def f(x):\n    # type: (int) -> in t\n    return x",
        "expected a type, found `in t`: expected an identifier, but found a keyword `in` that cannot be used here",
    );
}

#[test]
fn positions_in_a_cut_out() {
    let file = SourceFile::cut_out("m.py", "def f():\n    pass\n", 10, 4);
    assert_eq!(file.position(0), (10, 4));
    assert_eq!(file.location(13), "m.py:11:8");
    assert_eq!(file.line_text(1), "    pass");
    assert_eq!(file.line_text(7), "");
    assert_eq!(file.position(1000).0, 12);
}

#[test]
fn broken_text_gives_a_tree_and_complaints() {
    let (_, module, diagnostics) = parse("def f(:\n    return 1\n\ndef g(x):\n    return x +\n");
    assert!(!diagnostics.is_empty());
    assert_eq!(module.body.len(), 2);
    for text in [
        "\0",
        "(",
        "f'{",
        "'",
        "\\",
        "if",
        "\u{feff}x",
        "x = (\n",
        "  x\n y",
        "é = ()()(",
        "!ls",
        "?x",
    ] {
        let (file, module, _) = parse(text);
        let _ = print_module(&module, &file);
    }
}

#[test]
fn strings_of_archives_are_bytes() {
    let file = Arc::new(SourceFile::new("code.py", r#"x = "\303\251", "\377", "é", "a""#));
    let (module, _) = parse_archive_module(&file);
    let StmtKind::Assign { value, .. } = &module.body[0].kind else {
        panic!("no assignment")
    };
    let constants: Vec<_> = value.elements().iter().map(|e| e.kind.clone()).collect();
    let text = |s: &str| ExprKind::Constant(Constant::Str(s.into()));
    assert_eq!(
        constants,
        [
            text("é"),
            ExprKind::Constant(Constant::Bytes(vec![255])),
            text("é"),
            text("a")
        ]
    );
}

#[test]
fn archives_may_use_keywords_as_names() {
    let text = "class A(Module):\n  lambda : __torch__.from.B\n  def try(self: __torch__.A,\n    x: Tensor) -> Tensor:\n    yield = self.lambda\n    return (yield).try(x, )\n";
    let file = Arc::new(SourceFile::new("code.py", text));
    let (module, diagnostics) = parse_archive_module(&file);
    assert!(diagnostics.is_empty(), "{}", render(&diagnostics, false));
    assert_eq!(
        print_module(&module, &file),
        "class A(Module):\n    lambda: __torch__.from.B\n    def try(self: __torch__.A, x: Tensor) -> Tensor:\n        yield = self.lambda\n        return yield.try(x)\n"
    );
    assert!(!parse_module(&file).1.is_empty());
}

/// Texts of any depth are read or refused, on a small stack.
#[test]
fn deep_nesting() {
    let check = |name: &str, text: String, ok: bool| {
        let (file, module, diagnostics) = parse(&text);
        assert_eq!(
            diagnostics.is_empty(),
            ok,
            "{name}: {:?}",
            diagnostics.first().map(|d| &d.message)
        );
        if ok {
            assert!(!print_module(&module, &file).is_empty());
        } else {
            assert!(diagnostics.iter().any(|d| d.code.starts_with("syntax")), "{name}");
        }
        let _ = module.clone() == module;
    };
    let nest = |open: &str, close: &str, n: usize| format!("{}x{}", open.repeat(n), close.repeat(n));
    let work = move || {
        for (open, close) in [
            ("(", ")"),
            ("[", "]"),
            ("{0:", "}"),
            ("f(", ")"),
            ("f(a)[", "]"),
            ("-", ""),
            ("not ", ""),
            ("lambda: ", ""),
        ] {
            check(open, nest(open, close, 300), true);
            check(open, nest(open, close, 10_000), false);
            check(open, nest(open, close, 200_000), false);
            check(open, open.repeat(200_000), false);
        }
        for op in ["+a", ".a", "[a]", "(a)", " if a else a", "**a", "()()", "@a"] {
            check(op, format!("a{}", op.repeat(400)), true);
            check(op, format!("a{}", op.repeat(100_000)), false);
        }
        check("and", format!("a{}", " and a".repeat(5000)), true);
        check("<", format!("a{}", " < a".repeat(5000)), true);
        check("list", format!("[{}]", "-1.0 * x, ".repeat(50_000)), true);
        check(
            "elif",
            format!("if a:\n  b\n{}", "elif a:\n  b\n".repeat(500)),
            true,
        );
        check(
            "elif",
            format!("if a:\n  b\n{}", "elif a:\n  b\n".repeat(50_000)),
            false,
        );
        let ifs: String = (0..3000).map(|i| format!("{}if a:\n", " ".repeat(i))).collect();
        check("if", ifs, false);
        // Left spines on left spines.
        check(
            "spine",
            format!(
                "{}a{}",
                "(".repeat(3000),
                format!("{})", ".a".repeat(3000)).repeat(3000)
            ),
            false,
        );
    };
    std::thread::Builder::new()
        .stack_size(1 << 20)
        .spawn(work)
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn rendering() {
    let (file, module, _) = parse("def f(x):\n    return x + y\n");
    let StmtKind::FunctionDef(def) = &module.body[0].kind else {
        panic!("no function")
    };
    let mut name = None;
    def.body[0].walk(&mut |n| {
        if let Node::Expr(e) = n
            && e.as_name() == Some("y")
        {
            name = Some(e.span);
        }
    });
    let d = Diagnostic::error(Kind::Type, "type.name", "undefined value `y`")
        .at(&file, name.unwrap(), "not a local variable")
        .with(&file, def.name.span, "in this function")
        .hint("define `y` before the function");
    assert_eq!(
        render(std::slice::from_ref(&d), false),
        "\
error[type.name]: undefined value `y`
 --> case.py:2:16
  |
1 | def f(x):
  |     - in this function
2 |     return x + y
  |                ^ not a local variable
  |
  = help: define `y` before the function
"
    );
    assert_eq!(
        highlight(&file, name.unwrap(), ""),
        "  File \"case.py\", line 2\ndef f(x):\n    return x + y\n               ~ <--- HERE\n"
    );
    let d = Diagnostic::error(Kind::Runtime, "runtime", "boom")
        .at(&file, name.unwrap(), "")
        .called_from("f", &file, Span::new(14, 26));
    assert_eq!(
        render(std::slice::from_ref(&d), false),
        "\
error[runtime]: boom
 --> case.py:2:16
  |
2 |     return x + y
  |                ^
  |
  = note: called from `f`
 ::: case.py:2:5
"
    );
    // Spans beyond the text, and inside characters.
    let file = Arc::new(SourceFile::new("é.py", "é = 1"));
    for span in [
        Span::new(1, 1),
        Span::new(0, 900),
        Span::new(800, 900),
        Span::new(3, 1),
    ] {
        let d = Diagnostic::error(Kind::Type, "x", "x").at(&file, span, "x");
        let _ = (
            render(std::slice::from_ref(&d), true),
            highlight(&file, span, "f"),
        );
    }
}
