//! Prints the schemas that no row runs, one a line.

fn main() {
    let all = flambeau_ops::table().all();
    let missing: Vec<_> = all.iter().filter(|op| !op.is_runnable()).collect();
    for op in &missing {
        println!("{}", op.text());
    }
    eprintln!("{} of {} schemas run", all.len() - missing.len(), all.len());
}
