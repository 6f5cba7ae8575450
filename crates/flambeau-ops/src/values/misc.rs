//! Devices, generators, ranges, sizes, warnings, gradient mode and what else is no tensor.

use std::sync::Arc;

use flambeau_ir::ops::{Context, Rows};
use flambeau_ir::value::{Device, GeneratorHandle, IValue, List};
use flambeau_tensor::layout::broadcast_shapes;
use flambeau_tensor::{DType, Result, ResultType, Scalar, Tensor};

use super::{each, error};

pub fn declare(ops: &mut Rows) {
    ranges(ops);
    identity(ops);
    devices(ops);
    modes(ops);
    generators(ops);
    dtypes(ops);
    sizes(ops);
    autograd(ops);
}

fn ranges(ops: &mut Rows) {
    ops.op("aten::__range_length(int lo, int hi, int step) -> int")
        .doc("How many ints a range has.")
        .kernel(|lo: i64, hi: i64, step: i64| {
            if step == 0 {
                return Err(error("range() arg 3 must not be zero"));
            }
            let (lo, hi, step) = (lo as i128, hi as i128, step as i128);
            let count = if step > 0 && lo < hi {
                1 + (hi - 1 - lo) / step
            } else if step < 0 && lo > hi {
                1 + (lo - 1 - hi) / -step
            } else {
                0
            };
            Ok(count.min(i64::MAX as i128) as i64)
        });
    ops.op("aten::__derive_index(int index, int start, int step) -> int")
        .doc("The int at a place of a range.")
        .kernel(|index: i64, start: i64, step: i64| start.wrapping_add(index.wrapping_mul(step)));
}

/// Python's `is`. Equal strings, and mentions of one enum member, are objects of their own, as in PyTorch.
fn same_object(a: &IValue, b: &IValue) -> bool {
    match (a, b) {
        (IValue::Str(a), IValue::Str(b)) => Arc::ptr_eq(a, b),
        (IValue::Enum(a), IValue::Enum(b)) => Arc::ptr_eq(a, b),
        (IValue::Complex(_), IValue::Complex(_)) => false,
        (a, b) => a.is(b),
    }
}

fn identity(ops: &mut Rows) {
    ops.op("aten::__is__(t1 self, t2 obj) -> bool")
        .doc("Whether both are the same object.")
        .kernel(|a: IValue, b: IValue| same_object(&a, &b));
    ops.op("aten::__isnot__(t1 self, t2 obj) -> bool")
        .doc("Whether both are different objects.")
        .kernel(|a: IValue, b: IValue| !same_object(&a, &b));
    ops.op("aten::_unwrap_optional(t(a)? optional) -> t(a)")
        .doc("The value, which must not be None.")
        .kernel(|v: IValue| {
            if v.is_none() {
                Err(error("Unwrapping null optional"))
            } else {
                Ok(v)
            }
        });
    ops.op("prim::unchecked_cast(t x) -> t")
        .doc("The value, of which more is known.")
        .kernel(|v: IValue| v);
    ops.op("prim::unchecked_unwrap_optional(t(a)? optional) -> t(a)")
        .doc("The value, known not to be None.")
        .kernel(|v: IValue| v);
    ops.op("prim::IfThenElse(bool cond, Any(a) x, Any(b) y) -> Any(b|a)")
        .doc("One of two values.")
        .kernel(|cond: bool, x: IValue, y: IValue| if cond { x } else { y });
    ops.op("prim::id(AnyClassType? x) -> int")
        .doc("A number that tells objects apart.")
        .kernel(|_: &Context, args: &[IValue]| match args.first() {
            Some(IValue::Object(o)) => o.address() as i64,
            _ => 0,
        });
    ops.op("aten::hash.generic(t value) -> int")
        .doc("A number that equal values share.")
        .kernel(|v: IValue| -> Result<i64> { hash(&v) });
    ops.op("prim::EnumName(AnyEnumType enum) -> str")
        .doc("The name of an enum's member.")
        .kernel(|v: IValue| match &v {
            IValue::Enum(e) => Ok(e.name.to_string()),
            other => Err(error(format!(
                "expected an enum's member, found {}",
                other.type_name()
            ))),
        });
    each(
        ops,
        "The value of an enum's member.",
        &[
            "prim::EnumValue.int(AnyEnumType enum) -> int",
            "prim::EnumValue.float(AnyEnumType enum) -> float",
            "prim::EnumValue.str(AnyEnumType enum) -> str",
        ],
        |v: IValue| match &v {
            IValue::Enum(e) => Ok(e.value.clone()),
            other => Err(error(format!(
                "expected an enum's member, found {}",
                other.type_name()
            ))),
        },
    );
}

/// The hash of bytes in the C++ library that PyTorch is built with (a 64-bit MurmurHash2), so that programs which
/// return hashes return the same ones.
fn hash_bytes(bytes: &[u8]) -> i64 {
    const MUL: u64 = 0xc6a4_a793_5bd1_e995;
    let mix = |v: u64| v ^ (v >> 47);
    let word = |part: &[u8]| part.iter().rev().fold(0, |v, b| (v << 8) | u64::from(*b));
    let mut hash = 0xc70f_6907 ^ (bytes.len() as u64).wrapping_mul(MUL);
    let mut parts = bytes.chunks_exact(8);
    for part in &mut parts {
        let data = mix(word(part).wrapping_mul(MUL)).wrapping_mul(MUL);
        hash = (hash ^ data).wrapping_mul(MUL);
    }
    if !parts.remainder().is_empty() {
        hash = (hash ^ word(parts.remainder())).wrapping_mul(MUL);
    }
    mix(mix(hash).wrapping_mul(MUL)) as i64
}

/// Ints and bools are their own hash; text and floats have that of their bytes, the rest is FNV.
fn hash(value: &IValue) -> Result<i64> {
    let fnv = |bytes: &[u8]| {
        bytes.iter().fold(0xcbf29ce484222325u64, |h, b| {
            (h ^ *b as u64).wrapping_mul(0x100000001b3)
        }) as i64
    };
    Ok(match value {
        IValue::None => 0,
        IValue::Bool(b) => *b as i64,
        IValue::Int(i) => *i,
        IValue::Double(0.0) => 0,
        IValue::Double(f) => hash_bytes(&f.to_le_bytes()),
        IValue::Complex(_) => return Err(error("unhashable type: 'complex'")),
        IValue::Str(s) => hash_bytes(s.as_bytes()),
        IValue::Device(d) => fnv(d.to_string().as_bytes()),
        IValue::Enum(e) => fnv(e.name.as_bytes()),
        IValue::Tensor(t) => t.id() as i64,
        IValue::Tuple(t) => {
            let mut all = Vec::new();
            for item in &t.items {
                all.extend(hash(item)?.to_le_bytes());
            }
            fnv(&all)
        }
        IValue::List(_) | IValue::Dict(_) | IValue::Object(_) => {
            return Err(error(format!("unhashable type: '{}'", value.ty().repr_str())));
        }
        other => {
            return Err(error(format!(
                "Can't hash IValues with tag '{}'",
                other.type_name()
            )));
        }
    })
}

fn parse_device(text: &str) -> Result<Device> {
    Device::parse(text).ok_or_else(|| {
        if let Some((kind, _)) = text.split_once(':')
            && Device::parse(kind).is_some()
        {
            return error(format!("Invalid device string: '{text}'"));
        }
        if !text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            return error(format!("Invalid device string: '{text}'"));
        }
        let kinds = "cpu, cuda, ipu, xpu, mkldnn, opengl, opencl, ideep, hip, ve, fpga, maia, xla, lazy, vulkan, mps, meta, hpu, \
                     mtia, privateuseone";
        error(format!("Expected one of {kinds} device type at start of device string: {text}"))
    })
}

fn devices(ops: &mut Rows) {
    ops.op("aten::device(str a) -> Device")
        .doc("The device of that name.")
        .kernel(|a: Arc<str>| parse_device(&a));
    ops.op("aten::device.with_index(str type, int index) -> Device")
        .doc("The device of that kind and number.")
        .kernel(|kind: Arc<str>, index: i64| -> Result<Device> {
            if kind.contains(':') {
                return Err(error(format!(
                    "type (string) must not include an index because index was passed explicitly: {kind}"
                )));
            }
            let mut device = parse_device(&kind)?;
            // As PyTorch does it: the number is checked and not kept.
            if i8::try_from(index).is_err() {
                return Err(error(format!("expected a device's number, found {index}")));
            }
            device.index = Some(0);
            Ok(device)
        });
    ops.op("prim::index(Device self) -> int?")
        .doc("The device's number, if it has one.")
        .kernel(|d: Device| IValue::from(d.index.map(|i| i as i64)));
    ops.op("prim::type(Device self) -> str")
        .doc("The device's kind.")
        .kernel(|d: Device| d.kind.to_string());
}

fn modes(ops: &mut Rows) {
    let no = || false;
    each(
        ops,
        "Never so here.",
        &[
            "aten::is_autocast_cpu_enabled() -> bool",
            "aten::is_autocast_enabled() -> bool",
            "aten::is_vulkan_available() -> bool",
            "aten::_nnpack_available() -> bool",
            "aten::_get_tracing_state() -> bool",
            "aten::_is_tracing() -> bool",
            "aten::_use_cudnn_rnn_flatten_weight() -> bool",
        ],
        no,
    );
    ops.op("aten::is_scripting() -> bool")
        .doc("Whether the code is compiled; it is.")
        .kernel(|| true);
    ops.op("aten::has_torch_function(...) -> bool")
        .doc("Whether an argument overrides operators; none does.")
        .kernel(|_: &Context, _: &[IValue]| false);
    ops.op("aten::get_autocast_dtype(str device_type) -> ScalarType")
        .doc("The dtype of automatic casts.")
        .kernel(|_: Arc<str>| DType::BFloat16);
    ops.op("aten::_get_cpu_capability() -> str")
        .doc("The vector instructions that PyTorch would use.")
        .kernel(|| "DEFAULT");
    ops.op("aten::is_grad_enabled() -> bool")
        .doc("Whether operations are recorded for gradients.")
        .kernel(|ctx: &Context| ctx.grad_enabled());
    ops.op("aten::set_grad_enabled(bool val) -> ()")
        .doc("Switches the recording for gradients.")
        .kernel(|ctx: &Context, val: bool| ctx.set_grad_enabled(val));
    ops.op("aten::warn(str message, int stacklevel=2) -> ()")
        .doc("Shows a warning.")
        .kernel(|ctx: &Context, message: Arc<str>, _: i64| (ctx.warn)(&message));
    ops.op("profiler::_record_function_enter_new(str name, str? args=None) -> __torch__.torch.classes.profiler._RecordFunction")
        .doc("Begins a region of a profile; nothing is recorded.")
        .kernel(|_: Arc<str>, _: Option<Arc<str>>| IValue::Capsule(Arc::new(())));
    ops.op("profiler::_record_function_exit._RecordFunction(__torch__.torch.classes.profiler._RecordFunction _0) -> ()")
        .doc("Ends a region of a profile; nothing is recorded.")
        .kernel(|_: IValue| ());
    ops.op("profiler::_call_end_callbacks_on_jit_fut._RecordFunction(__torch__.torch.classes.profiler._RecordFunction _0, Future(t) _1) -> Future(t)")
        .doc("The future; nothing is recorded.")
        .kernel(|_: IValue, future: IValue| future);
    ops.op("prim::TimePoint() -> int")
        .doc("Microseconds of a clock that only goes forward.")
        .kernel(|| {
            static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
            START.get_or_init(std::time::Instant::now).elapsed().as_micros() as i64
        });
    ops.op("prim::AddStatValue(str key, int val) -> ()")
        .doc("Counts nothing: there is no statistics collector.")
        .kernel(|_: Arc<str>, _: i64| ());
    ops.op("aten::_assert_scalar(Scalar self, str assert_msg) -> ()")
        .doc("Fails with the message if the number is zero.")
        .kernel(|a: Scalar, message: Arc<str>| {
            if a.to_bool() {
                Ok(())
            } else {
                Err(error(message.to_string()))
            }
        });
    each(
        ops,
        "Fails if the number is out of bounds.",
        &[
            "aten::sym_constrain_range(Scalar size, *, int? min=None, int? max=None) -> ()",
            "aten::sym_constrain_range_for_size(Scalar size, *, int? min=None, int? max=None) -> ()",
        ],
        |size: Scalar, min: Option<i64>, max: Option<i64>| {
            let (size, min, max) = (size.to_i64(), min.unwrap_or(i64::MIN), max.unwrap_or(i64::MAX));
            if (min..=max).contains(&size) {
                Ok(())
            } else {
                Err(error(format!(
                    "Invalid value range for {size} between [{min}, {max}]"
                )))
            }
        },
    );
}

fn generators(ops: &mut Rows) {
    ops.op("aten::manual_seed(int seed) -> ()")
        .doc("Seeds the default generator.")
        .kernel(|ctx: &Context, seed: i64| ctx.generator.lock().manual_seed(seed as u64));
    ops.op("aten::manual_seed.generator(Generator(a!) self, int seed) -> Generator(a!)")
        .doc("Seeds a generator.")
        .kernel(|g: GeneratorHandle, seed: i64| {
            g.lock().manual_seed(seed as u64);
            IValue::Generator(g)
        });
    ops.op("aten::initial_seed(Generator self) -> int")
        .doc("What the generator was seeded with.")
        .kernel(|g: GeneratorHandle| g.lock().initial_seed() as i64);
    ops.op("aten::seed(Generator(a!) self) -> int")
        .doc("Seeds the generator from the system's randomness and gives the seed.")
        .kernel(|g: GeneratorHandle| g.lock().seed() as i64);
    ops.op("aten::Generator(*, Device? device=None, int? seed=None) -> Generator")
        .doc("A new generator.")
        .kernel(|_: Option<Device>, seed: Option<i64>| {
            let mut generator = flambeau_tensor::random::Generator::default();
            if let Some(seed) = seed {
                generator.manual_seed(seed as u64);
            }
            IValue::Generator(Arc::new(parking_lot::Mutex::new(generator)))
        });
}

/// The dtype that operations on the two give.
fn result_type(result: ResultType) -> Result<DType> {
    result.get().ok_or_else(|| error("no dtype among the operands"))
}

fn dtypes(ops: &mut Rows) {
    ops.op("aten::can_cast(ScalarType from_, ScalarType to) -> bool")
        .doc("Whether a result of one dtype may be stored as the other.")
        .kernel(|from: DType, to: DType| from.can_cast(to));
    ops.op("aten::promote_types(ScalarType type1, ScalarType type2) -> ScalarType")
        .doc("The smallest dtype that holds both.")
        .kernel(|a: DType, b: DType| a.promote(b));
    ops.op("aten::result_type.Scalar_Scalar(Scalar scalar1, Scalar scalar2) -> ScalarType")
        .doc("The dtype of the operands' sum.")
        .kernel(|a: Scalar, b: Scalar| result_type(ResultType::default().scalar(a).scalar(b)));
    ops.op("aten::result_type.Tensor(Tensor tensor, Tensor other) -> ScalarType")
        .doc("The dtype of the operands' sum.")
        .kernel(|a: Tensor, b: Tensor| result_type(ResultType::default().operand(&a).operand(&b)));
    ops.op("aten::result_type.Scalar(Tensor tensor, Scalar other) -> ScalarType")
        .doc("The dtype of the operands' sum.")
        .kernel(|a: Tensor, b: Scalar| result_type(ResultType::default().operand(&a).scalar(b)));
    ops.op("aten::result_type.Scalar_Tensor(Scalar scalar, Tensor tensor) -> ScalarType")
        .doc("The dtype of the operands' sum.")
        .kernel(|a: Scalar, b: Tensor| result_type(ResultType::default().scalar(a).operand(&b)));
}

fn sizes(ops: &mut Rows) {
    each(
        ops,
        "The sizes that two tensors broadcast to.",
        &[
            "aten::_infer_size(int[] a, int[] b) -> int[]",
            "aten::broadcast_shapes(int[] a, int[] b) -> int[]",
        ],
        |a: Vec<i64>, b: Vec<i64>| -> Result<Vec<i64>> { Ok(broadcast_shapes(&a, &b)?.to_vec()) },
    );
    ops.op("prim::BroadcastSizes(...) -> int[]")
        .doc("The sizes that tensors broadcast to.")
        .kernel(|_: &Context, args: &[IValue]| -> Result<Vec<i64>> {
            let mut sizes = Vec::new();
            for arg in args {
                let more = arg
                    .as_list()
                    .and_then(List::to_ints)
                    .ok_or_else(|| error("expected lists of ints"))?;
                sizes = broadcast_shapes(&sizes, &more)?.to_vec();
            }
            Ok(sizes)
        });
    ops.op("aten::Size(int[] sizes) -> int[]")
        .doc("The sizes as they are.")
        .kernel(|l: List| l);
    ops.op("aten::_size_if_not_equal(int[] self_size, int[] other_size) -> int[]?")
        .doc("The first sizes, unless they equal the others.")
        .kernel(
            |a: Vec<i64>, b: Vec<i64>| {
                if a == b { IValue::None } else { a.into() }
            },
        );
    ops.op("prim::ReductionSizes(int[] size, int[] red_axes, bool keepdim=False) -> int[]")
        .doc("The sizes that a reduction leaves.")
        .kernel(|size: Vec<i64>, axes: Vec<i64>, keep: bool| -> Result<Vec<i64>> {
            let mask = flambeau_tensor::layout::dim_mask(&axes, size.len())?;
            Ok(size
                .iter()
                .zip(&mask)
                .filter(|(_, reduced)| keep || !**reduced)
                .map(|(s, reduced)| if *reduced { 1 } else { *s })
                .collect())
        });
}

fn autograd(ops: &mut Rows) {
    fn defined(v: &IValue) -> bool {
        match v {
            IValue::Tensor(_) => true,
            IValue::List(l) => l.read().iter().any(defined),
            _ => false,
        }
    }
    ops.op("prim::AutogradAnyNonZero(...) -> bool")
        .doc("Whether a gradient is there.")
        .kernel(|_: &Context, args: &[IValue]| args.iter().any(defined));
    ops.op("prim::AutogradAllZero(...) -> bool")
        .doc("Whether no gradient is there.")
        .kernel(|_: &Context, args: &[IValue]| !args.iter().any(defined));
    ops.op("prim::AutogradAllNonZero(...) -> bool")
        .doc("Whether all gradients are there.")
        .kernel(|_: &Context, args: &[IValue]| args.iter().all(defined));
}
