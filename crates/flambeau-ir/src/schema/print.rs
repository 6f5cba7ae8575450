//! Schemas as text, in PyTorch's spelling.

use std::fmt;

use super::{AliasInfo, Argument, Schema};
use crate::types::Type;
use crate::value::{IValue, print};

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full_name())?;
        f.write_str("(")?;
        let mut keyword_only = false;
        for (i, argument) in self.arguments.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            if argument.keyword_only && !keyword_only {
                keyword_only = true;
                f.write_str("*, ")?;
            }
            write!(f, "{argument}")?;
        }
        if self.is_vararg {
            f.write_str(if self.arguments.is_empty() { "..." } else { ", ..." })?;
        }
        f.write_str(") -> ")?;
        // One result stands bare, unless it would read as a list of results.
        let bare = !self.is_varret
            && matches!(self.returns.as_slice(), [r] if !r.declared.schema_str().starts_with('('));
        if !bare && !(self.returns.is_empty() && self.is_varret) {
            f.write_str("(")?;
        }
        for (i, result) in self.returns.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{result}")?;
        }
        if self.is_varret {
            f.write_str(if self.returns.is_empty() { "..." } else { ", ..." })?;
        }
        if !bare && !(self.returns.is_empty() && self.is_varret) {
            f.write_str(")")?;
        }
        Ok(())
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (inner, optional) = match &self.declared {
            Type::Optional(inner) => (&**inner, true),
            other => (other, false),
        };
        match inner {
            Type::List(element) => {
                f.write_str(&element.schema_str())?;
                if let Some(alias) = &self.element_alias {
                    write!(f, "{alias}")?;
                }
                match self.size {
                    Some(n) => write!(f, "[{n}]")?,
                    None => f.write_str("[]")?,
                }
            }
            other => f.write_str(&other.schema_str())?,
        }
        if let Some(alias) = &self.alias {
            write!(f, "{alias}")?;
        }
        if optional {
            f.write_str("?")?;
        }
        if !self.name.is_empty() {
            write!(f, " {}", self.name)?;
        }
        if let Some(default) = &self.default {
            f.write_str("=")?;
            match (default, inner) {
                (IValue::Str(s), _) => f.write_str(&print::quoted(s))?,
                // `int[2] padding=0` was written with one int for all; `SymInt[2]` was not.
                (IValue::List(l), Type::List(element))
                    if self.size.is_some_and(|n| n > 1)
                        && **element == Type::Int
                        && l.read().windows(2).all(|w| w[0] == w[1])
                        && !l.is_empty() =>
                {
                    f.write_str(&print::literal(&l.read()[0]))?
                }
                (value, _) => f.write_str(&print::literal(value))?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for AliasInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "({}{}",
            self.before.join("|"),
            if self.is_write { "!" } else { "" }
        )?;
        if self.after != self.before && !self.after.is_empty() {
            write!(f, " -> {}", self.after.join("|"))?;
        }
        f.write_str(")")
    }
}
