//! List and dict comprehensions: a container that a loop fills, in a scope of its own.

use flambeau_ir::ir::ValueId;
use flambeau_ir::types::Type;
use flambeau_syntax::Span;

use super::Emitter;
use super::error::Result;
use super::sugared::NamedValue;
use super::tree::*;

impl Emitter<'_> {
    pub(super) fn list_comprehension(
        &mut self,
        loc: Span,
        comp: &ListComp,
        hint: Option<&Type>,
    ) -> Result<ValueId> {
        let list = self.typed("prim::ListConstruct", &[], Type::list(Type::TENSOR), None);
        let is_list = |t: &Type| t.is_subtype_of(&Type::AnyList);
        let mut refined = self.refine_hint(hint, "List", loc, is_list, false)?;
        if let Some(ty) = &refined.hint
            && refined.candidates.is_empty()
        {
            self.g.set_type(list, ty.clone());
        }
        let mut seen: Option<Type> = None;
        let mut known = refined.hint.clone().filter(|_| refined.candidates.is_empty());
        let mut body = |e: &mut Emitter<'_>| -> Result<()> {
            let out = e.expr(&comp.elt, None)?;
            let ty = e.g.ty(out).clone();
            // The first element replaces the default element type.
            let before = seen.get_or_insert_with(|| ty.clone()).clone();
            let unified = before.unify(&ty, true).unwrap_or(ty);
            // A loop over a tuple is unrolled: what its first round made is the type for the others.
            if let Some(wanted) = known.as_ref().filter(|_| refined.candidates.is_empty())
                && let Some(element) = wanted.list_element()
                && !unified.is_subtype_of(element)
            {
                return e.fail(loc, format!(
                    "List type annotation `{}` did not match the types of the given list elements, which were unified to {}",
                    wanted.repr_str(),
                    unified.repr_str()
                ));
            }
            if !refined.candidates.is_empty() {
                let element = e.list_candidate(loc, &mut refined, hint, &unified)?;
                known = Some(Type::list(element));
            } else if known.is_none() {
                known = Some(Type::list(unified));
            }
            let ty = known.clone().unwrap_or_else(|| Type::list(Type::TENSOR));
            if let Some(element) = ty.list_element() {
                e.g.set_type(out, element.clone());
            }
            e.g.set_type(list, ty);
            let this = NamedValue::named(loc, "self", list);
            e.builtin(
                Some(loc),
                "aten::append",
                &[NamedValue::named(loc, "", out)],
                &[],
                Some(&this),
            )?;
            Ok(())
        };
        self.comprehension(loc, &comp.target, &comp.iter, &mut body)?;
        Ok(list)
    }

    pub(super) fn dict_comprehension(
        &mut self,
        loc: Span,
        comp: &DictComp,
        hint: Option<&Type>,
    ) -> Result<ValueId> {
        let dict = self.typed(
            "prim::DictConstruct",
            &[],
            Type::dict(Type::Str, Type::TENSOR),
            None,
        );
        let is_dict = |t: &Type| matches!(t, Type::Dict(_));
        let refined = self.refine_hint(hint, "Dict", loc, is_dict, false)?;
        let union = refined
            .union
            .clone()
            .filter(|u| matches!(u, Type::Union(_) | Type::Optional(_)));
        if let Some(ty) = &refined.hint
            && refined.candidates.is_empty()
        {
            self.g.set_type(dict, ty.clone());
        }
        let mut first_key: Option<Type> = None;
        let mut first_value: Option<Type> = None;
        let mut body = |e: &mut Emitter<'_>| -> Result<()> {
            let k = e.expr(&comp.key, None)?;
            let v = e.expr(&comp.value, None)?;
            let (kt, vt) = (e.g.ty(k).clone(), e.g.ty(v).clone());
            if matches!(kt, Type::Union(_)) {
                return e.fail(loc, format!(
                    "Dicts may only contain homogeneous keys, but the type of the first generated key was {}",
                    kt.repr_str()
                ));
            }
            if let Some(first) = &first_key
                && *first != kt
            {
                return e.fail(loc, format!(
                    "Dicts may only contain homogeneous keys. Expected dict comprehension to generate type {}, but got {}",
                    first.repr_str(),
                    kt.repr_str()
                ));
            }
            first_key = Some(kt.clone());
            let before = first_value.get_or_insert_with(|| vt.clone()).clone();
            let mut own = Type::dict(kt.clone(), vt.clone());
            if let Some(wanted @ Type::Dict(want)) =
                refined.hint.as_ref().filter(|_| refined.candidates.is_empty())
            {
                let mut message = String::new();
                if !kt.is_subtype_of(&want.0) {
                    message.push_str(&format!(
                        "Dict type annotation `{}` did not match the type of an actual key type `{}`\n",
                        wanted.repr_str(),
                        kt.repr_str()
                    ));
                }
                if !vt.is_subtype_of(&want.1) {
                    message.push_str(&format!(
                        "Dict type annotation `{}` did not match the type of an actual value type `{}`\n",
                        wanted.repr_str(),
                        vt.repr_str()
                    ));
                }
                if !message.is_empty() {
                    return e.fail(loc, message);
                }
                own = wanted.clone();
            } else {
                let unified = before.unify(&vt, true).unwrap_or(vt);
                super::annotations::check_dict_key(&kt)?;
                own = match own {
                    _ if !refined.candidates.is_empty() => {
                        e.dict_candidate(loc, &refined.candidates, hint, &kt, &unified)?
                    }
                    _ => Type::dict(kt, unified),
                };
            }
            if hint.is_some()
                && let Type::Dict(kv) = &own
            {
                e.g.set_type(k, kv.0.clone());
                e.g.set_type(v, kv.1.clone());
            }
            e.g.set_type(dict, own);
            let args = [
                NamedValue::named(loc, "self", dict),
                NamedValue::named(loc, "", k),
                NamedValue::named(loc, "", v),
            ];
            e.builtin(Some(loc), "aten::_set_item", &args, &[], None)?;
            Ok(())
        };
        self.comprehension(loc, &comp.target, &comp.iter, &mut body)?;
        Ok(match union {
            Some(union) => self.unchecked_cast(dict, &union),
            None => dict,
        })
    }

    /// Variables of a comprehension are not seen outside it. The scope is a block until SSA conversion.
    fn comprehension(
        &mut self,
        loc: Span,
        target: &Expr,
        iter: &Expr,
        body: super::stmt::Body<'_>,
    ) -> Result<()> {
        let node = self.node("prim::ComprehensionScope", &[], 0, Some(loc));
        let block = self.g.add_block(node);
        self.push_frame(block);
        let saved = self.insert_at_end(block);
        self.for_loop(target, iter, loc, body)?;
        self.pop_frame();
        self.g.restore_insert_point(saved);
        Ok(())
    }
}
