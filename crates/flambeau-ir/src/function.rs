//! A compiled function or method: its name, schema and graph, made on first need.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, ReentrantMutex};

use crate::ir::Graph;
use crate::schema::Schema;

/// Why a function could not be compiled. Shared, because every caller is told.
pub type DefineError = Arc<dyn std::error::Error + Send + Sync>;

/// What a definition yields.
pub struct Body {
    pub schema: Schema,
    pub graph: Graph,
}

type Definer = Box<dyn FnOnce(&Arc<Function>) -> Result<Body, DefineError> + Send>;

pub struct Function {
    name: Arc<str>,
    declared: OnceLock<Schema>,
    body: OnceLock<Result<(Schema, Arc<Graph>), DefineError>>,
    definer: Mutex<Option<Definer>>,
    /// Held while the body is being made: a second thread waits, the same thread is recursion.
    defining: ReentrantMutex<()>,
    /// What an executor keeps for the function (its program).
    pub program: OnceLock<Arc<dyn Any + Send + Sync>>,
}

impl Function {
    /// A function whose body `define` makes when it is first needed.
    pub fn lazy(
        name: impl Into<Arc<str>>,
        define: impl FnOnce(&Arc<Function>) -> Result<Body, DefineError> + Send + 'static,
    ) -> Arc<Function> {
        Arc::new(Function {
            name: name.into(),
            declared: OnceLock::new(),
            body: OnceLock::new(),
            definer: Mutex::new(Some(Box::new(define))),
            defining: ReentrantMutex::new(()),
            program: OnceLock::new(),
        })
    }

    pub fn defined(name: impl Into<Arc<str>>, body: Body) -> Arc<Function> {
        let function = Function::lazy(name, |_| unreachable!("the body is set below"));
        function.definer.lock().take();
        let _ = function.body.set(Ok((body.schema, Arc::new(body.graph))));
        function
    }

    /// The qualified name: `__torch__.case.f`, or `__torch__.case.M.forward` for a method.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }
    pub fn short_name(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or(&self.name)
    }

    /// Tells the schema before the body exists, as a full annotation allows.
    pub fn declare(&self, schema: Schema) {
        let _ = self.declared.set(schema);
    }

    /// Whether the body is being made at this moment further up this thread's stack.
    pub fn is_being_defined(&self) -> bool {
        self.body.get().is_none() && self.definer.lock().is_none()
    }

    fn body(self: &Arc<Self>) -> Result<&(Schema, Arc<Graph>), DefineError> {
        if let Some(body) = self.body.get() {
            return body.as_ref().map_err(Clone::clone);
        }
        let _guard = self.defining.lock();
        if let Some(body) = self.body.get() {
            return body.as_ref().map_err(Clone::clone);
        }
        let Some(define) = self.definer.lock().take() else {
            return Err(Arc::new(RecursionError {
                name: self.short_name().to_string(),
            }));
        };
        let made = define(self).map(|body| (body.schema, Arc::new(body.graph)));
        self.body.get_or_init(|| made).as_ref().map_err(Clone::clone)
    }

    pub fn schema(self: &Arc<Self>) -> Result<&Schema, DefineError> {
        match self.declared.get() {
            Some(schema) => Ok(schema),
            None => Ok(&self.body()?.0),
        }
    }

    pub fn graph(self: &Arc<Self>) -> Result<&Arc<Graph>, DefineError> {
        Ok(&self.body()?.1)
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A function whose body calls the function itself.
#[derive(Debug)]
pub struct RecursionError {
    pub name: String,
}

impl fmt::Display for RecursionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "function '{}' is called recursively. Recursive calls are not supported",
            self.name
        )
    }
}
impl std::error::Error for RecursionError {}
