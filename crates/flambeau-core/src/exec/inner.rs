//! Runs that other runs start: forked calls, awaitables, comparisons of a sort, `__exit__` after an error.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use flambeau_ir::types::Type;
use flambeau_ir::value::{Future, IValue};
use parking_lot::Mutex;

use super::error::{Error, ErrorKind, Result};
use super::program::Program;
use super::run::run;
use super::runtime::{MAX_NESTED, Runtime};
use super::{fork, method_of, structural};

/// Runs a program inside of another's run, on the thread's own stack.
pub(super) fn nested(runtime: &Arc<Runtime>, program: &Arc<Program>, args: Vec<IValue>) -> Result<IValue> {
    if runtime.nested.fetch_add(1, Ordering::AcqRel) >= MAX_NESTED {
        runtime.nested.fetch_sub(1, Ordering::AcqRel);
        return Err(Error::new(
            ErrorKind::Stopped,
            format!("more than {MAX_NESTED} runs are nested"),
        ));
    }
    let result = run(runtime, program, args);
    runtime.nested.fetch_sub(1, Ordering::AcqRel);
    result
}

type Shared = Arc<dyn std::any::Any + Send + Sync>;

/// A forked call, on a thread of its own if one is free.
pub(super) fn forked(
    runtime: &Arc<Runtime>,
    program: &Arc<Program>,
    args: Vec<IValue>,
    element: Type,
) -> Future {
    let future = Future::new(element);
    let (runtime, program, done) = (runtime.clone(), program.clone(), future.clone());
    let work = move |is_own_thread: bool| {
        let call = std::panic::AssertUnwindSafe(|| {
            if is_own_thread {
                run(&runtime, &program, args)
            } else {
                nested(&runtime, &program, args)
            }
        });
        let result =
            std::panic::catch_unwind(call).unwrap_or_else(|_| Err(Error::internal("a forked call panicked")));
        done.complete(result.map_err(|error| Arc::new(error) as Shared));
    };
    // One closure, told where it runs.
    let cell = Arc::new(Mutex::new(Some(work)));
    let own = cell.clone();
    let spawned = fork::spawn(move || {
        if let Some(work) = own.lock().take() {
            work(true);
        }
    });
    if spawned.is_err() {
        let work = cell.lock().take();
        if let Some(work) = work {
            work(false);
        }
    }
    future
}

/// A call that waits until its result is asked for.
pub(super) struct Awaitable {
    work: Mutex<Pending>,
}

impl Awaitable {
    pub(super) fn new(program: Arc<Program>, args: Vec<IValue>) -> Awaitable {
        Awaitable {
            work: Mutex::new(Pending::Call(program, args)),
        }
    }
}

enum Pending {
    Call(Arc<Program>, Vec<IValue>),
    Running,
    Done(Result<IValue>),
}

pub(super) fn wait(runtime: &Arc<Runtime>, value: IValue) -> Result<IValue> {
    match value {
        IValue::Future(future) => future.wait().map_err(|error| match error.downcast::<Error>() {
            Ok(error) => (*error).clone(),
            Err(_) => Error::runtime("a forked call failed"),
        }),
        IValue::Capsule(capsule) if capsule.is::<Awaitable>() => {
            let Ok(awaitable) = capsule.downcast::<Awaitable>() else {
                return Err(Error::internal("an awaitable changed its kind"));
            };
            let taken = std::mem::replace(&mut *awaitable.work.lock(), Pending::Running);
            let result = match taken {
                Pending::Call(program, args) => nested(runtime, &program, args),
                Pending::Done(result) => result,
                Pending::Running => Err(Error::runtime("an awaitable waits for itself")),
            };
            *awaitable.work.lock() = Pending::Done(result.clone());
            result
        }
        // `awaitable_nowait` wraps a value that is there already.
        other => Ok(other),
    }
}

/// A stable merge sort that asks the objects' own `__lt__`.
pub(super) fn sort_objects(runtime: &Arc<Runtime>, args: &[IValue], in_place: bool) -> Result<IValue> {
    let [IValue::List(list), rest @ ..] = args else {
        return Err(Error::runtime("expected a list to sort"));
    };
    let reverse = rest.first().and_then(IValue::as_bool).unwrap_or(false);
    let mut items = list.to_vec();
    let less = |a: &IValue, b: &IValue| -> Result<bool> {
        let program = method_of(Some(a), "__lt__")?;
        structural::truth(&nested(runtime, &program, vec![a.clone(), b.clone()])?)
    };
    if let Type::Class(class) = list.element_type()
        && class.method("__lt__").is_none()
        && !items.is_empty()
    {
        let name = list.element_type().repr_str();
        return Err(Error::runtime(format!(
            "To sort a list of {name} it must define a __lt__ method with two inputs of type {name} that returns a bool"
        )));
    }
    let mut width = 1;
    while width < items.len() {
        let mut merged = Vec::with_capacity(items.len());
        for run in items.chunks(width * 2) {
            let (left, right) = run.split_at(width.min(run.len()));
            let (mut i, mut j) = (0, 0);
            while i < left.len() && j < right.len() {
                // Equal items keep their order in both directions.
                let right_first = if reverse {
                    less(&left[i], &right[j])?
                } else {
                    less(&right[j], &left[i])?
                };
                if right_first {
                    merged.push(right[j].clone());
                    j += 1;
                } else {
                    merged.push(left[i].clone());
                    i += 1;
                }
            }
            merged.extend_from_slice(&left[i..]);
            merged.extend_from_slice(&right[j..]);
        }
        items = merged;
        width *= 2;
    }
    if in_place {
        *list.write() = items;
        return Ok(IValue::None);
    }
    Ok(IValue::list(list.element_type().clone(), items))
}
