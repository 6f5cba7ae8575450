//! List and dict literals, whose type comes from their items, from an annotation, or from both.

use flambeau_ir::ir::ValueId;
use flambeau_ir::types::Type;
use flambeau_syntax::Span;

use super::Emitter;
use super::error::Result;
use super::tree::*;

/// An annotation narrowed to the kind of container at hand.
pub(super) struct Refined {
    /// The type wanted, once only one is possible.
    pub hint: Option<Type>,
    /// Members of a Union that are possible.
    pub candidates: Vec<Type>,
    /// The Union itself, to which the result is cast.
    pub union: Option<Type>,
}

impl Emitter<'_> {
    /// Narrows a hint to lists or dicts (`what`).
    pub(super) fn refine_hint(
        &mut self,
        hint: Option<&Type>,
        what: &str,
        loc: Span,
        fits: impl Fn(&Type) -> bool,
        is_constructor: bool,
    ) -> Result<Refined> {
        let mut refined = Refined {
            hint: hint.cloned(),
            candidates: Vec::new(),
            union: None,
        };
        let Some(given) = hint else { return Ok(refined) };
        match given {
            Type::Union(members) => {
                refined.union = Some(given.clone());
                let found: Vec<Type> = members.iter().filter(|m| fits(m)).cloned().collect();
                if !is_constructor && found.is_empty() {
                    return self.fail(
                        loc,
                        format!(
                            "Expected an Union type annotation with an inner {what} type, but got {}",
                            given.repr_str()
                        ),
                    );
                }
                match <[Type; 1]>::try_from(found) {
                    Ok([only]) => refined.hint = Some(only),
                    Err(found) => refined.candidates = found,
                }
            }
            Type::Optional(inner) => {
                refined.union = Some(given.clone());
                refined.hint = Some((**inner).clone());
            }
            _ => {}
        }
        if !is_constructor && refined.candidates.is_empty() {
            let now = refined.hint.clone().unwrap_or(Type::Any);
            if !fits(&now) && now != Type::Any {
                return self.fail(
                    loc,
                    format!(
                        "Expected an annotation of type {what} but got {}",
                        given.repr_str()
                    ),
                );
            }
        }
        Ok(refined)
    }

    pub(super) fn list_literal(&mut self, loc: Span, items: &[Expr], hint: Option<&Type>) -> Result<ValueId> {
        let items: Vec<&Expr> = items.iter().collect();
        let args = self.arguments(&items)?;
        let values = self.values(&args);
        if values.is_empty() && hint.is_none() {
            // Adapts to any list type while it is only an argument; otherwise a list of tensors.
            return Ok(self.typed("prim::EmptyListLiteral", &[], Type::list(Type::TENSOR), None));
        }
        let is_list = |t: &Type| t.is_subtype_of(&Type::AnyList);
        let mut refined = self.refine_hint(hint, "List", loc, is_list, false)?;
        let hinted = refined.hint.as_ref().and_then(Type::list_element).cloned();
        let mut element = Type::TENSOR;
        if refined.candidates.is_empty()
            && let Some(hinted) = &hinted
        {
            element = hinted.clone();
        }
        if !refined.candidates.is_empty() && values.is_empty() {
            return self.fail(loc, format!(
                "Cannot assign an empty list to a variable annotated to be type {} because there are multiple possible List type candidates in the Union annotation",
                hint.map(Type::repr_str).unwrap_or_default()
            ));
        }
        if !values.is_empty() {
            let types: Vec<Type> = values.iter().map(|v| self.g.ty(*v).clone()).collect();
            let unified = unify_all(&types, hinted.as_ref());
            if refined.candidates.is_empty() && hint.is_some() && !unified.is_subtype_of(&element) {
                return self.fail(loc, format!(
                    "List type annotation `{}` did not match the types of the given list elements, which were unified to {}",
                    refined.hint.as_ref().map(Type::repr_str).unwrap_or_default(),
                    unified.repr_str()
                ));
            }
            if !refined.candidates.is_empty() {
                element = self.list_candidate(loc, &mut refined, hint, &unified)?;
            } else if hint.is_none() {
                element = unified;
            }
        }
        let list = self.list(&element, &values);
        Ok(match refined.union {
            Some(union) => self.unchecked_cast(list, &union),
            None => list,
        })
    }

    /// Which list type of a Union the items fit; sets the hint and gives its element type.
    pub(super) fn list_candidate(
        &mut self,
        loc: Span,
        refined: &mut Refined,
        hint: Option<&Type>,
        unified: &Type,
    ) -> Result<Type> {
        let mut greatest: Option<Type> = None;
        for candidate in &refined.candidates {
            let Some(element) = candidate.list_element() else {
                continue;
            };
            if unified.is_subtype_of(element) {
                greatest = Some(match greatest {
                    None => element.clone(),
                    Some(have) => have.unify(element, false).unwrap_or(have),
                });
            }
        }
        let Some(element) = greatest else {
            return self.fail(loc, format!(
                "Union type annotation `{}` can hold {}, but none of those types match the types of the given list elements, which were unified to {}",
                hint.map(Type::repr_str).unwrap_or_default(),
                enumerate(&refined.candidates),
                unified.repr_str()
            ));
        };
        refined.hint = Some(Type::list(element.clone()));
        Ok(element)
    }

    pub(super) fn dict_literal(
        &mut self,
        loc: Span,
        key_exprs: &[Expr],
        value_exprs: &[Expr],
        hint: Option<&Type>,
    ) -> Result<ValueId> {
        let mut keys = Vec::with_capacity(key_exprs.len());
        let mut values = Vec::with_capacity(value_exprs.len());
        let mut value_type: Option<Type> = None;
        for (key_expr, value_expr) in key_exprs.iter().zip(value_exprs) {
            let key = self.expr(key_expr, None)?;
            let value = self.expr(value_expr, None)?;
            let ty = self.g.ty(value).clone();
            if let Some(&before) = keys.last() {
                let (a, b) = (self.g.ty(before), self.g.ty(key));
                if std::mem::discriminant(a) != std::mem::discriminant(b) {
                    let message = format!(
                        "Dict keys must contain only a single type. Expected: {} but found {} instead",
                        a.repr_str(),
                        b.repr_str()
                    );
                    return self.fail(key_expr.span, message);
                }
            }
            value_type = Some(match value_type {
                None => ty,
                Some(have) => have.unify(&ty, true).unwrap_or(have),
            });
            keys.push(key);
            values.push(value);
        }
        let own = match (keys.first(), &value_type) {
            (Some(&key), Some(value)) => Type::dict(self.g.ty(key).clone(), value.clone()),
            _ => Type::dict(Type::Str, Type::TENSOR),
        };
        let is_dict = |t: &Type| matches!(t, Type::Dict(_));
        let mut refined = self.refine_hint(hint, "Dict", loc, is_dict, false)?;
        let wanted = match refined.hint.take() {
            Some(ty @ Type::Dict(_)) if refined.candidates.is_empty() => ty,
            _ if refined.candidates.is_empty() => own.clone(),
            _ if values.is_empty() => {
                return self.fail(loc, format!(
                    "Cannot assign an empty dict to a variable annotated to be type {} because there are multiple possible Dict type candidates in the Union annotation",
                    hint.map(Type::repr_str).unwrap_or_default()
                ));
            }
            _ => {
                let Type::Dict(kv) = &own else {
                    return self.fail(loc, "expected a dict type");
                };
                self.dict_candidate(loc, &refined.candidates, hint, &kv.0, &kv.1)?
            }
        };
        if let (Some(&key), Some(value_type), Type::Dict(kv)) = (keys.first(), &value_type, &wanted) {
            if kv.0 != *self.g.ty(key) {
                let message = format!(
                    "Type annotation was inferred to be {}but the type of keys given by the dict literal is {}",
                    wanted.repr_str(),
                    self.g.ty(key).repr_str()
                );
                return self.fail(loc, message);
            }
            if !value_type.is_subtype_of(&kv.1) {
                return self.fail(loc, format!(
                    "Type annotation was inferred to be `{}`, but the type of values given by the dict literal is {}",
                    wanted.repr_str(),
                    value_type.repr_str()
                ));
            }
        }
        if let Type::Dict(kv) = &wanted {
            super::annotations::check_dict_key(&kv.0)?;
        }
        let dict = self.dict(wanted, &keys, &values);
        Ok(match refined.union {
            Some(union) => self.unchecked_cast(dict, &union),
            None => dict,
        })
    }

    pub(super) fn dict_candidate(
        &mut self,
        loc: Span,
        candidates: &[Type],
        hint: Option<&Type>,
        key: &Type,
        value: &Type,
    ) -> Result<Type> {
        let mut best: Option<(&Type, &Type, &Type)> = None;
        for candidate in candidates {
            let Type::Dict(kv) = candidate else { continue };
            if key.is_subtype_of(&kv.0)
                && value.is_subtype_of(&kv.1)
                && best.is_none_or(|(_, k, v)| k.is_subtype_of(&kv.0) && v.is_subtype_of(&kv.1))
            {
                best = Some((candidate, &kv.0, &kv.1));
            }
        }
        match best {
            Some((candidate, ..)) => Ok(candidate.clone()),
            None => self.fail(loc, format!(
                "Union type annotation `{}` can hold {}, but none of those dict types can hold the types of the given keys and values, which were unified to Dict[{}, {}",
                hint.map(Type::repr_str).unwrap_or_default(),
                enumerate(candidates),
                key.repr_str(),
                value.repr_str()
            )),
        }
    }
}

/// The type that all items have; unrelated ones make a Union.
pub(super) fn unify_all(types: &[Type], hint: Option<&Type>) -> Type {
    // A wanted supertype of all is what they are.
    if let Some(hint @ Type::Number) = hint
        && types.iter().all(|t| t.is_subtype_of(hint))
    {
        return hint.clone();
    }
    let mut types = types.iter();
    let Some(first) = types.next() else {
        return Type::TENSOR;
    };
    types.fold(first.clone(), |a, b| a.unify(b, true).unwrap_or(a))
}

fn enumerate(types: &[Type]) -> String {
    let mut out = String::new();
    for (i, ty) in types.iter().enumerate() {
        if i > 0 && types.len() > 2 {
            out.push_str(", ");
        }
        if i != 0 && i == types.len() - 1 {
            out.push_str(" or ");
        }
        out.push_str(&ty.repr_str());
    }
    out
}
