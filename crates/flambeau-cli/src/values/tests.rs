//! Values as the command line reads, shows and writes them.

use super::*;
use flambeau_ir::types::Type;
use flambeau_ir::value::print;

fn reader() -> Reader {
    Reader::new(0)
}

/// Shows a value with its dtypes.
fn shown(value: &Literal) -> String {
    let list = |items: &[Literal]| items.iter().map(shown).collect::<Vec<_>>().join(", ");
    match value {
        Literal::Tensor(t) => format!("{t:?}"),
        Literal::List(items) => format!("[{}]", list(items)),
        Literal::Tuple(items) => format!("({})", list(items)),
        Literal::Dict(items) => {
            let pairs: Vec<_> = items
                .iter()
                .map(|(k, v)| format!("{}: {}", shown(k), shown(v)))
                .collect();
            format!("{{{}}}", pairs.join(", "))
        }
        other => format!("{other:?}"),
    }
}

#[track_caller]
fn check(text: &str, expected: &str) {
    let found = match reader().read(text) {
        Ok(value) => shown(&value),
        Err(error) => error,
    };
    assert_eq!(found, expected, "{text}");
}

#[test]
fn literals() {
    check("3", "Int(3)");
    check("-1_000", "Int(-1000)");
    check("2.5", "Float(2.5)");
    check("1e3", "Float(1000.0)");
    check(".5", "Float(0.5)");
    check("-inf", "Float(-inf)");
    check("1+2j", "Complex(1.0, 2.0)");
    check("-2.5j", "Complex(0.0, -2.5)");
    check("true", "Bool(true)");
    check("None", "None");
    check(r#""a\n\u00e4'" "#, r#"Str("a\nä'")"#);
    check("'it'", "Str(\"it\")");
    check("[1, 2.5,]", "[Int(1), Float(2.5)]");
    check("()", "()");
    check("(1)", "Int(1)");
    check("(1,)", "(Int(1))");
    check("{'a': [1], 2: None}", "{Str(\"a\"): [Int(1)], Int(2): None}");
    check("torch.float32", "Int(6)");
}

#[test]
fn slips() {
    check("", "expected a value, found the end in ``");
    check(
        "hello",
        "expected a value, found `hello` in `hello`; a string needs quotes, as in '\"hello\"'",
    );
    check("[1 2]", "expected `,` or `]`, found `2]` in `[1 2]`");
    check("[,]", "expected a value, found `,]` in `[,]`");
    check("{1}", "expected `:`, found `}` in `{1}`");
    check("'a", "expected a string with an end, found `'a` in `'a`");
    check(
        r"'\q'",
        r"expected a string with escapes that Python knows, found `'\q'` in `'\q'`",
    );
    check("1 2", "expected the end, found `2` in `1 2`");
    check("1.2.3", "expected a number, found `1.2.3` in `1.2.3`");
    check(
        "99999999999999999999",
        "`99999999999999999999` does not fit in an int of 64 bits",
    );
    check(
        &"[".repeat(100_000),
        "the value nests deeper than the allowed 200",
    );
    check(
        "no.such.npy",
        "cannot read `no.such.npy`: No such file or directory (os error 2)",
    );
    check(
        "@x.doc",
        "`x.doc`: expected a file of one of the kinds .npy, .npz, .safetensors, .pt, .pth, .json, .png, .jpg, .jpeg, .wav",
    );
}

#[test]
fn made_tensors() {
    check("zeros:2x3:i64", "Tensor(torch.int64, [2, 3], [0, 0, 0, 0, 0, 0])");
    check("ones:", "Tensor(torch.float32, [], [1.0])");
    check("full:2:7", "Tensor(torch.int64, [2], [7, 7])");
    check("full:2:0.5:f64", "Tensor(torch.float64, [2], [0.5, 0.5])");
    check("arange:3", "Tensor(torch.int64, [3], [0, 1, 2])");
    check("arange:1:2:0.5", "Tensor(torch.float32, [2], [1.0, 1.5])");
    check(
        "eye:2:bool",
        "Tensor(torch.bool, [2, 2], [true, false, false, true])",
    );
    check("zeros:0x3", "Tensor(torch.float32, [0, 3], [])");
    // The numbers of `torch.manual_seed(0)`.
    check("rand:2", "Tensor(torch.float32, [2], [0.4962566, 0.7682218])");
    check("randint:0:10:3", "Tensor(torch.int64, [3], [4, 9, 3])");
    check(
        "tensor([[1, 2], [3, 4]])",
        "Tensor(torch.int64, [2, 2], [1, 2, 3, 4])",
    );
    check("tensor([0.5], dtype=f64)", "Tensor(torch.float64, [1], [0.5])");
    check(
        "[ones:1, zeros:1:u8]",
        "[Tensor(torch.float32, [1], [1.0]), Tensor(torch.uint8, [1], [0])]",
    );
    check(
        "zeros:2xa",
        "`zeros:2xa`: `a` is not a size; a shape is written `2x3`",
    );
    check("zeros:2:f99", "`zeros:2:f99`: `f99` is not a dtype");
    check(
        "zeros",
        "expected a value, found `zeros` in `zeros`; a string needs quotes, as in '\"zeros\"'",
    );
    check("full:2", "`full:2`: expected `full:SHAPE:VALUE[:DTYPE]`");
    check(
        "zeros:99999x99999x99999",
        "`zeros:99999x99999x99999`: a tensor of sizes [99999, 99999, 99999] is too large",
    );
    check(
        "arange:0:1:0",
        "`arange:0:1:0`: a range of inf elements cannot be made",
    );
    check(
        "tensor([[1], [2, 3]])",
        "expected sequence of length 1 at dim 1 (got 2)",
    );
    check(
        "tensor([1, [2]])",
        "expected lists of equal depth, found a list where a number should be",
    );
    check(
        "tensor(['a'])",
        "expected numbers to make a tensor of, found a string",
    );
}

#[test]
fn keywords() {
    assert_eq!(split_keyword("x=3"), (Some("x"), "3"));
    assert_eq!(split_keyword("\"a=b\""), (None, "\"a=b\""));
    assert_eq!(split_keyword("3=4"), (None, "3=4"));
}

#[track_caller]
fn fits(text: &str, ty: &Type, expected: &str) {
    let found = match reader().read(text).and_then(|value| fit(&value, ty)) {
        Ok(value) => format!("{}: {}", print::repr(&value), value.type_name()),
        Err(error) => error,
    };
    assert_eq!(found, expected, "{text}");
}

#[test]
fn fitting() {
    fits("3", &Type::Float, "3.: float");
    fits("3", &Type::Number, "3: int");
    fits("[1, 2]", &Type::list(Type::Float), "[1., 2.]: List[float]");
    fits("(1, 2)", &Type::list(Type::Int), "[1, 2]: List[int]");
    fits("arange:2", &Type::list(Type::Int), "[0, 1]: List[int]");
    fits("None", &Type::optional(Type::Int), "None: NoneType");
    fits("4", &Type::optional(Type::Float), "4.: float");
    fits("[1, 2.5]", &Type::Any, "[1., 2.5]: List[float]");
    fits(
        "[[1], []]",
        &Type::list(Type::list(Type::Int)),
        "[[1], []]: List[List[int]]",
    );
    fits(
        "{'a': 1}",
        &Type::dict(Type::Str, Type::Float),
        "{\"a\": 1.}: Dict[str, float]",
    );
    fits(
        "{'1': 1}",
        &Type::dict(Type::Int, Type::Int),
        "{1: 1}: Dict[int, int]",
    );
    fits(
        "(1, 'a')",
        &Type::tuple(vec![Type::Float, Type::Str]),
        "(1., \"a\"): Tuple[float, str]",
    );
    fits("'f16'", &Type::ScalarType, "5: int");
    fits("'a'", &Type::Int, "expected a value of type int, found a string");
    fits("2.5", &Type::Int, "expected a value of type int, found a float");
    fits(
        "[1, 'a']",
        &Type::list(Type::Int),
        "item 1: expected a value of type int, found a string",
    );
    fits(
        "(1,)",
        &Type::tuple(vec![]),
        "expected a tuple of 0, found 1 items",
    );
    fits(
        "[1, 'a']",
        &Type::Any,
        "the items of a list or dict should have one type, found int and str",
    );
    fits(
        "None",
        &Type::TENSOR,
        "expected a value of type Tensor, found None",
    );
    let tensor = fit(&reader().read("[[1, 2.5]]").unwrap(), &Type::TENSOR).unwrap();
    assert_eq!(
        format!("{:?}", tensor.as_tensor().unwrap()),
        "Tensor(torch.float32, [1, 2], [1.0, 2.5])"
    );
}

fn scratch(name: &str) -> String {
    let folder = std::env::temp_dir().join(format!("flambeau-values-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(name).to_str().unwrap().to_owned()
}

/// Writes a value to a file and reads it back.
#[track_caller]
fn through(file: &str, text: &str, expected: &str) {
    let path = scratch(file);
    let value = reader().read(text).unwrap();
    let found = write_file(&path, &value).and_then(|()| reader().read(&path));
    let found = match found {
        Ok(value) => shown(&value),
        Err(error) => error.replace(&path, file),
    };
    assert_eq!(found, expected, "{text} through {file}");
}

#[test]
fn files() {
    for kind in [
        "bool", "u8", "i8", "i16", "i32", "i64", "f16", "f32", "f64", "c64", "c128",
    ] {
        let text = format!("ones:2x2:{kind}");
        let expected = shown(&reader().read(&text).unwrap());
        through(&format!("{kind}.npy"), &text, &expected);
        let dict = format!("{{Str(\"output\"): {expected}}}");
        through(&format!("{kind}.npz"), &text, &dict);
        through(&format!("{kind}.safetensors"), &text, &dict);
        through(&format!("{kind}.json"), &text, &expected);
        through(&format!("{kind}.pt"), &text, &expected);
    }
    through("scalar.npy", "ones:", "Tensor(torch.float32, [], [1.0])");
    through("empty.npy", "zeros:0x2", "Tensor(torch.float32, [0, 2], [])");
    through("bf16.npy", "ones:1:bf16", "Tensor(torch.float32, [1], [1.0])");
    through(
        "bf16.safetensors",
        "ones:1:bf16",
        "{Str(\"output\"): Tensor(torch.bfloat16, [1], [1.0])}",
    );
    through(
        "two.safetensors",
        "{'b': ones:1, 'a': zeros:1:i64}",
        "{Str(\"a\"): Tensor(torch.int64, [1], [0]), Str(\"b\"): Tensor(torch.float32, [1], [1.0])}",
    );
    through(
        "tuple.npz",
        "(ones:1, zeros:1)",
        "{Str(\"output_0\"): Tensor(torch.float32, [1], [1.0]), Str(\"output_1\"): Tensor(torch.float32, [1], [0.0])}",
    );
    through(
        "nested.safetensors",
        "({'loss': 2.5, 'none': None}, [{'boxes': ones:1, 'n': 3}, {'boxes': zeros:1, 'n': 4}], [1, 2])",
        "{Str(\"output_1.0.n\"): Tensor(torch.int64, [], [3]), Str(\"output_1.1.n\"): Tensor(torch.int64, [], [4]), \
         Str(\"output_2\"): Tensor(torch.int64, [2], [1, 2]), Str(\"output_0.loss\"): Tensor(torch.float32, [], [2.5]), \
         Str(\"output_1.0.boxes\"): Tensor(torch.float32, [1], [1.0]), Str(\"output_1.1.boxes\"): Tensor(torch.float32, [1], [0.0])}",
    );
    through(
        "text.safetensors",
        "(ones:1, {'a': ['x']})",
        "`text.safetensors`: `output_1.a.0`: expected numbers to make a tensor of, found a string",
    );
    through(
        "data.json",
        "{'a': [1, 2.5, None, 'x']}",
        "{Str(\"a\"): [Int(1), Float(2.5), None, Str(\"x\")]}",
    );
    through(
        "nan.json",
        "tensor([nan, -inf])",
        "Tensor(torch.float32, [2], [NaN, -inf])",
    );
    through(
        "text.npy",
        "'a'",
        "expected numbers to make a tensor of, found a string",
    );
    assert_eq!(
        to_json(&reader().read("tensor(0.1)").unwrap()).unwrap(),
        r#"{"data":[0.1],"dtype":"float32","shape":[]}"#
    );
}

/// What PyTorch wrote; the fixtures are those of the archive's tests.
#[test]
fn checkpoints() {
    let check = |name: &str, expected: &str| {
        let path = format!(
            "{}/../flambeau-archive/tests/fixtures/{name}",
            env!("CARGO_MANIFEST_DIR")
        );
        let found = reader()
            .read(&path)
            .map_or_else(|e| e.replace(&path, name), |v| shown(&v));
        assert_eq!(found, expected);
    };
    check(
        "state_dict.pth",
        "{Str(\"w\"): Tensor(torch.float32, [2], [1.0, 1.0])}",
    );
    check(
        "state_dict_old.pth",
        "{Str(\"w\"): Tensor(torch.float32, [2], [1.0, 1.0])}",
    );
    check(
        "everything.pt",
        "`everything.pt`: this is a TorchScript archive, not a checkpoint of `torch.save`",
    );
}

#[test]
fn foreign_arrays() {
    let npy = |header: &str, data: &[u8]| {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        npy::read(&bytes).map_or_else(|e| e, |t| format!("{t:?}"))
    };
    let header = |descr: &str, order: &str, shape: &str| {
        format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}")
    };
    assert_eq!(
        npy(&header(">i2", "False", "(2,)"), &[0, 1, 0, 2]),
        "Tensor(torch.int16, [2], [1, 2])"
    );
    assert_eq!(
        npy(&header("|u1", "True", "(2, 2)"), &[1, 2, 3, 4]),
        "Tensor(torch.uint8, [2, 2], [1, 3, 2, 4])"
    );
    assert_eq!(
        npy(&header("|b1", "False", "()"), &[7]),
        "Tensor(torch.bool, [], [true])"
    );
    assert_eq!(
        npy(&header("<f4", "False", "(3,)"), &[0; 8]),
        "a tensor of sizes [3] and dtype torch.float32 does not have 8 bytes"
    );
    assert_eq!(
        npy(&header("<U5", "False", "()"), &[]),
        "arrays of dtype `<U5` have no tensor counterpart; convert them in NumPy"
    );
    assert_eq!(
        npy(&header("<f8", "False", "(4611686018427387904, 8)"), &[]),
        "a tensor of sizes [4611686018427387904, 8] and dtype torch.float64 does not have 0 bytes"
    );
    assert_eq!(npy("{}", &[]), "the header has no `descr`");
}

#[test]
fn pictures() {
    let path = scratch("picture.png");
    let tensor = reader()
        .read("tensor([[[0, 128], [255, 64]], [[0, 0], [0, 0]], [[255, 255], [255, 255]]], u8)")
        .unwrap();
    write_file(&path, &tensor).unwrap();
    let read = |options: &str| match reader().read(&format!("{path}{options}")) {
        Ok(value) => shown(&value),
        Err(error) => error.replace(&path, "picture.png"),
    };
    assert_eq!(
        read("?dtype=u8&layout=chw"),
        "Tensor(torch.uint8, [3, 2, 2], [0, 128, 255, 64, 0, 0, 0, 0, 255, 255, 255, 255])"
    );
    assert_eq!(
        read("?dtype=u8&mode=gray&layout=hwc"),
        "Tensor(torch.uint8, [2, 2, 1], [29, 67, 105, 48])"
    );
    assert_eq!(
        read("?dtype=u8&mode=bgr&size=1&layout=nhwc"),
        "Tensor(torch.uint8, [1, 1, 1, 3], [255, 0, 112])"
    );
    assert_eq!(
        read("?size=2x1&crop=1&layout=chw"),
        "Tensor(torch.float32, [3, 1, 1], [0.5019608, 0.0, 1.0])"
    );
    assert_eq!(
        read("?normalize=half&layout=chw&crop=1x2"),
        "Tensor(torch.float32, [3, 2, 1], [-1.0, 1.0, -1.0, -1.0, 1.0, 1.0])"
    );
    assert_eq!(
        read("?crop=3"),
        "`picture.png`: a crop of 3 by 3 does not fit in a picture of 2 by 2"
    );
    assert_eq!(
        read("?colour=3"),
        "`picture.png`: `colour` is not an option of this kind of file"
    );
    assert_eq!(
        read("?mean=1,2"),
        "`picture.png`: `mean` has 2 numbers for 3 channels"
    );
}

#[test]
fn sound() {
    let path = scratch("sound.wav");
    write_file(
        &path,
        &reader()
            .read("tensor([[0.5, -1.0, 0.25], [0.0, 1.0, 0.75]])")
            .unwrap(),
    )
    .unwrap();
    let read = |options: &str| match reader().read(&format!("{path}{options}")) {
        Ok(value) => shown(&value),
        Err(error) => error.replace(&path, "sound.wav"),
    };
    // The largest sample of 16 bits is just below 1.
    assert_eq!(
        read(""),
        "Tensor(torch.float32, [2, 3], [0.5, -1.0, 0.25, 0.0, 0.9999695, 0.75])"
    );
    assert_eq!(
        read("?mono=true&layout=t&rate=16000"),
        "Tensor(torch.float32, [3], [0.25, -1.5258789e-5, 0.5])"
    );
    assert_eq!(
        read("?rate=8000"),
        "`sound.wav`: the rate is 16000, expected 8000; convert the file first"
    );
    assert_eq!(
        read("?layout=t"),
        "`sound.wav`: the file has 2 channels; `mono=true` mixes them"
    );
}

/// Files inside of lists, with and without the `@`.
#[test]
fn files_in_lists() {
    let path = scratch("in_list.npy");
    write_file(&path, &reader().read("tensor([1, 2])").unwrap()).unwrap();
    let expected = "[Tensor(torch.int64, [2], [1, 2]), Int(3), Tensor(torch.int64, [2], [1, 2])]";
    let found = reader().read(&format!("[{path}, 3, @{path}]")).unwrap();
    assert_eq!(shown(&found), expected);
    assert!(
        reader()
            .read("[missing.npy]")
            .unwrap_err()
            .starts_with("cannot read `missing.npy`")
    );
}
