//! An empty list that met no type stays a list of tensors.

use flambeau_ir::ir::Graph;
use flambeau_ir::types::Type;

pub fn run(g: &mut Graph) {
    for node in g.all_nodes() {
        if g.kind(node) != "prim::EmptyListLiteral" {
            continue;
        }
        let value = g.output(node);
        if g.has_uses(value) {
            let list = g.create("prim::ListConstruct", &[], 1);
            g.insert_before(list, node);
            let new = g.output(list);
            g.set_type(new, Type::list(Type::TENSOR));
            g.replace_all_uses(value, new);
        }
        g.destroy(node);
    }
}
