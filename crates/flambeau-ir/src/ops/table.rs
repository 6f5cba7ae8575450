//! The table: every schema that PyTorch registers, in its order of overloads, with the rows that
//! Flambeau has, the variants derived from them, and what users register.

use std::collections::HashMap;
use std::sync::Arc;

use flambeau_tensor::{DType, Error, ErrorKind, MemoryFormat, Result, Tensor};
use parking_lot::RwLock;

use super::{Kernel, Op, Rows, custom, split_overload};
use crate::schema::Argument;
use crate::types::Type;
use crate::value::IValue;

pub struct OpTable {
    /// Overloads by name, in the order in which PyTorch tries them.
    builtin: HashMap<Arc<str>, Vec<Arc<Op>>>,
    custom: RwLock<HashMap<Arc<str>, Vec<Arc<Op>>>>,
}

impl OpTable {
    /// Joins `rows` to the list of all known schemas, one a line. In-place and `out` variants that
    /// have no row of their own run the functional row and copy its result.
    pub fn new(schemas: &'static str, rows: Rows) -> OpTable {
        let mut by_full_name: HashMap<String, Op> = rows
            .rows
            .into_iter()
            .map(|op| (op.full_name().to_string(), op))
            .collect();
        let mut builtin: HashMap<Arc<str>, Vec<Arc<Op>>> = HashMap::with_capacity(4096);
        for line in schemas.lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
            let full_name = line.split('(').next().unwrap_or(line);
            let op = by_full_name.remove(full_name).unwrap_or_else(|| Op::new(line));
            builtin
                .entry(split_overload(full_name).0.into())
                .or_default()
                .push(Arc::new(op));
        }
        let mut rest: Vec<Op> = by_full_name.into_values().collect();
        rest.sort_by(|a, b| a.full_name().cmp(b.full_name()));
        for op in rest {
            builtin.entry(op.name().into()).or_default().push(Arc::new(op));
        }
        derive_variants(&mut builtin);
        OpTable {
            builtin,
            custom: RwLock::default(),
        }
    }

    /// All overloads of `aten::add`, in the order in which they are tried.
    pub fn overloads(&self, name: &str) -> Vec<Arc<Op>> {
        let mut found = self.builtin.get(name).cloned().unwrap_or_default();
        if let Some(more) = self.custom.read().get(name) {
            for op in more {
                match found.iter_mut().find(|known| known.full_name() == op.full_name()) {
                    Some(known) => *known = op.clone(),
                    None => found.push(op.clone()),
                }
            }
        }
        found
    }

    /// The row of `aten::add.Tensor`.
    pub fn get(&self, full_name: &str) -> Option<Arc<Op>> {
        let (name, _) = split_overload(full_name);
        let find = |ops: &Vec<Arc<Op>>| ops.iter().find(|op| op.full_name() == full_name).cloned();
        self.custom
            .read()
            .get(name)
            .and_then(find)
            .or_else(|| self.builtin.get(name).and_then(find))
    }

    pub fn contains(&self, name: &str) -> bool {
        self.builtin.contains_key(name) || self.custom.read().contains_key(name)
    }

    /// All rows, builtin ones first, each group sorted by name.
    pub fn all(&self) -> Vec<Arc<Op>> {
        let sorted = |map: &HashMap<Arc<str>, Vec<Arc<Op>>>| {
            let mut names: Vec<&Arc<str>> = map.keys().collect();
            names.sort();
            names.into_iter().flat_map(|n| map[n].clone()).collect::<Vec<_>>()
        };
        let mut all = sorted(&self.builtin);
        all.extend(sorted(&self.custom.read()));
        all
    }

    /// Adds a user's operator: one with a new name, or one whose schema is known but that no row runs.
    pub fn register(&self, mut op: Op) -> Result<()> {
        custom::parse_schema(op.text())?;
        let refused = |message: String| Err(Error::new(ErrorKind::Value, message));
        op.is_custom = true;
        let mut custom = self.custom.write();
        let registered = custom
            .get(op.name())
            .and_then(|ops| ops.iter().find(|known| known.full_name() == op.full_name()));
        if let Some(known) = registered {
            return refused(format!(
                "the operator `{}` is registered already, with the schema `{}`",
                op.full_name(),
                known.text()
            ));
        }
        let known = self.builtin.get(op.name());
        let known = known.and_then(|ops| ops.iter().find(|known| known.full_name() == op.full_name()));
        if let Some(known) = known {
            if known.is_runnable() {
                return refused(format!(
                    "the operator `{}` is built in, with the schema `{}`",
                    op.full_name(),
                    known.text()
                ));
            }
            if known.text() != op.text() {
                return refused(format!(
                    "the operator `{}` has the schema `{}`, found `{}`",
                    op.full_name(),
                    known.text(),
                    op.text()
                ));
            }
        }
        custom.entry(op.name().into()).or_default().push(Arc::new(op));
        Ok(())
    }
}

/// Gives kernels to variants whose functional twin has one.
fn derive_variants(builtin: &mut HashMap<Arc<str>, Vec<Arc<Op>>>) {
    let names: Vec<Arc<str>> = builtin.keys().cloned().collect();
    for name in names {
        let missing: Vec<usize> = builtin[&name]
            .iter()
            .enumerate()
            .filter(|(_, op)| !op.is_runnable())
            .map(|(i, _)| i)
            .collect();
        for i in missing {
            let op = builtin[&name][i].clone();
            let kernel = in_place_kernel(&op, builtin).or_else(|| out_kernel(&op, builtin));
            if let Some(kernel) = kernel {
                let mut derived = Op::new(op.text());
                derived.kernel = Some(kernel);
                if let Some(ops) = builtin.get_mut(&name) {
                    ops[i] = Arc::new(derived);
                }
            }
        }
    }
}

/// `x.f_(…)` as `x.copy_(f(x, …))`.
fn in_place_kernel(op: &Op, builtin: &HashMap<Arc<str>, Vec<Arc<Op>>>) -> Option<Kernel> {
    let (name, overload) = split_overload(op.full_name());
    let base = name.strip_suffix('_').filter(|b| !b.ends_with(['_', ':']))?;
    if !op.text().contains("(Tensor(a!) self") {
        return None;
    }
    // The one in-place operator that lets its target grow by broadcasting.
    let resizes = name == "aten::addbmm_";
    let parsed = op.schema();
    let takes_the_same = |o: &Arc<Op>| {
        let twin = o.schema();
        o.kernel.is_some()
            && twin.arguments.len() == parsed.arguments.len()
            && twin
                .arguments
                .iter()
                .zip(&parsed.arguments)
                .all(|(a, b)| a.ty == b.ty)
    };
    // Overloads of variants are not always named alike: `float_power_.Tensor` is `float_power.Tensor_Tensor`.
    let twins: Vec<&Arc<Op>> = builtin.get(base)?.iter().filter(|o| takes_the_same(o)).collect();
    let same_name = twins.iter().find(|o| split_overload(o.full_name()).1 == overload);
    let twin: Arc<Op> = Arc::clone(same_name.or(twins.first())?);
    Some(Kernel {
        run: Box::new(move |ctx, args| {
            let target = expect_tensor(args.first())?;
            let kernel = twin
                .kernel
                .as_ref()
                .expect("checked when the variant was derived");
            let made = (kernel.run)(ctx, args)?;
            let result = expect_tensor(Some(&made))?;
            if !result.dtype().can_cast(target.dtype()) {
                let (from, to) = (result.dtype().name(), target.dtype().name());
                return Err(Error::new(
                    ErrorKind::Runtime,
                    format!("result type {from} can't be cast to the desired output type {to}"),
                ));
            }
            if resizes && result.sizes() != target.sizes() {
                target.resize_(result.sizes(), MemoryFormat::Contiguous)?;
            }
            if result.sizes() != target.sizes() {
                return Err(Error::new(
                    ErrorKind::Runtime,
                    format!(
                        "output with shape {:?} doesn't match the broadcast shape {:?}",
                        target.sizes(),
                        result.sizes()
                    ),
                ));
            }
            target.copy_(result)?;
            Ok(IValue::Tensor(target.clone()))
        }),
        parameters: None,
    })
}

/// Where an argument of the functional row comes from when its `out` variant is called.
enum Source {
    Argument(usize),
    /// Factories take a dtype, which the target decides here.
    TargetDtype,
    Default(IValue),
}

/// Matches the arguments by name; those that the variant lacks must have a default.
fn sources(given: &[Argument], wanted: &[Argument]) -> Option<Vec<Source>> {
    let mut taken = 0;
    let found: Option<Vec<Source>> = wanted
        .iter()
        .map(
            |w| match given.iter().position(|g| g.name == w.name && g.ty == w.ty) {
                Some(i) => {
                    taken += 1;
                    Some(Source::Argument(i))
                }
                None if &*w.name == "dtype" && w.default.is_some() => Some(Source::TargetDtype),
                None => w.default.clone().map(Source::Default),
            },
        )
        .collect();
    found.filter(|_| taken == given.len())
}

/// `f(…, out=y)` as `y.resize_().copy_(f(…))`.
fn out_kernel(op: &Op, builtin: &HashMap<Arc<str>, Vec<Arc<Op>>>) -> Option<Kernel> {
    let (name, _) = split_overload(op.full_name());
    // Cheap to see, before the schema is parsed.
    if !op.text().contains("*, ") || !op.text().contains("Tensor(a!) ") {
        return None;
    }
    // The targets are the last arguments, always keywords. Others may be written as well: running means.
    let parsed = op.schema();
    let is_target = |a: &Argument| a.is_written() && a.keyword_only;
    let targets = parsed.arguments.iter().rev().take_while(|a| is_target(a)).count();
    let first_out = parsed.arguments.len() - targets;
    let one_list = targets == 1 && matches!(parsed.arguments[first_out].ty, Type::List(_));
    if first_out == 0
        || targets == 0
        || !(one_list || parsed.arguments[first_out..].iter().all(|a| a.ty.is_tensor()))
    {
        return None;
    }
    // These compute in the dtype of their target unless they are told another.
    let dtype_at = matches!(
        name,
        "aten::sum" | "aten::nansum" | "aten::prod" | "aten::cumsum" | "aten::cumprod"
    )
    .then(|| parsed.arguments.iter().position(|a| &*a.name == "dtype"))
    .flatten();
    // These read their input while they write.
    let apart = matches!(
        name.trim_start_matches("aten::"),
        "cat"
            | "concat"
            | "gather"
            | "take"
            | "index_select"
            | "masked_select"
            | "scatter"
            | "scatter_add"
            | "index_add"
            | "index_copy"
    );
    let strict: Option<fn(&Tensor, &Tensor) -> String> = match name {
        "aten::amax" | "aten::amin" => Some(|result, out| {
            let (from, to) = (result.dtype().name(), out.dtype().name());
            format!(
                "Expected the dtype for input and out to match, but got {from} for input's dtype and {to} for out's dtype."
            )
        }),
        "aten::gather" => Some(|result, out| {
            let (from, to) = (cpp_name(result.dtype()), cpp_name(out.dtype()));
            format!("Expected out tensor to have dtype {from}, but got {to} instead")
        }),
        "aten::multinomial" => {
            Some(|_, out| format!("multinomial expects Long tensor out, got: {}", out.dtype().name()))
        }
        "aten::complex" => Some(|result, out| {
            let (from, to) = (result.dtype().name(), out.dtype().name());
            format!("Expected object of scalar type {from} but got scalar type {to} for argument 'out'")
        }),
        _ => None,
    };
    let given = &parsed.arguments[..first_out];
    let (twin, sources) = builtin
        .get(name)?
        .iter()
        .filter(|o| o.kernel.is_some())
        .find_map(|o| Some((o.clone(), sources(given, &o.schema().arguments)?)))?;
    Some(Kernel {
        run: Box::new(move |ctx, args| {
            let kernel = twin
                .kernel
                .as_ref()
                .expect("checked when the variant was derived");
            let input = |source: &Source| match source {
                Source::Argument(i) => match args.get(*i) {
                    Some(IValue::None) if Some(*i) == dtype_at => {
                        let target = args.get(first_out).and_then(IValue::as_tensor);
                        target.map_or(IValue::None, |t| IValue::Int(t.dtype().code()))
                    }
                    argument => argument.cloned().unwrap_or_default(),
                },
                Source::TargetDtype => {
                    let target = args.get(first_out).and_then(IValue::as_tensor);
                    target.map_or(IValue::None, |t| IValue::Int(t.dtype().code()))
                }
                Source::Default(value) => value.clone(),
            };
            let inputs: Vec<IValue> = sources.iter().map(input).collect();
            let made = (kernel.run)(ctx, &inputs)?;
            let results = match &made {
                IValue::Tuple(items) => items.items.to_vec(),
                IValue::List(items) if one_list => items.to_vec(),
                other => vec![other.clone()],
            };
            let targets = match &args[first_out..] {
                [IValue::List(items)] if one_list => items.to_vec(),
                targets => targets.to_vec(),
            };
            if one_list && results.len() != targets.len() {
                return Err(Error::new(
                    ErrorKind::Runtime,
                    format!(
                        "expected out= to be {} tensors, found {}",
                        results.len(),
                        targets.len()
                    ),
                ));
            }
            for (result, out) in results.iter().zip(&targets) {
                let (result, out) = (expect_tensor(Some(result))?, expect_tensor(Some(out))?);
                if let Some(complaint) = strict.filter(|_| result.dtype() != out.dtype()) {
                    return Err(Error::new(ErrorKind::Runtime, complaint(result, out)));
                }
                if apart {
                    args[..first_out].iter().try_for_each(|a| check_apart(a, out))?;
                }
                if !result.dtype().can_cast(out.dtype()) {
                    let (from, to) = (result.dtype().name(), out.dtype().name());
                    return Err(Error::new(
                        ErrorKind::Runtime,
                        format!("result type {from} can't be cast to the desired output type {to}"),
                    ));
                }
                if out.sizes() != result.sizes() {
                    out.resize_(result.sizes(), MemoryFormat::Contiguous)?;
                }
                out.copy_(result)?;
            }
            Ok(match &args[first_out..] {
                // Variants that write lists return nothing.
                [_] if one_list => IValue::None,
                [only] => only.clone(),
                several => IValue::tuple(several.to_vec()),
            })
        }),
        parameters: None,
    })
}

/// Refuses a target that shares memory with an argument.
fn check_apart(argument: &IValue, out: &Tensor) -> Result<()> {
    match argument {
        IValue::Tensor(t) if t.numel() > 0 && out.numel() > 0 && t.overlaps(out) => Err(Error::new(
            ErrorKind::Runtime,
            "unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory \
             location. Please clone() the tensor before performing the operation."
                .to_string(),
        )),
        IValue::List(items) => items.to_vec().iter().try_for_each(|a| check_apart(a, out)),
        _ => Ok(()),
    }
}

/// The element type as PyTorch's errors of a few operators spell it.
fn cpp_name(dtype: DType) -> &'static str {
    match dtype {
        DType::Float => "float",
        DType::Double => "double",
        DType::Half => "c10::Half",
        DType::BFloat16 => "c10::BFloat16",
        DType::Byte => "unsigned char",
        DType::Char => "signed char",
        DType::Short => "short int",
        DType::Int => "int",
        DType::Long => "long int",
        DType::Bool => "bool",
        other => other.name(),
    }
}

fn expect_tensor(value: Option<&IValue>) -> Result<&Tensor> {
    value
        .and_then(IValue::as_tensor)
        .ok_or_else(|| Error::new(ErrorKind::Type, "expected a tensor".to_string()))
}
