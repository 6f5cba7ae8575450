//! One module called from many threads, and sessions that move between them.

use flambeau::{IValue, Module, Session};

use super::{floats, load};

/// The digits of the example, whose `forward` gives numbers only.
fn digits() -> Module {
    Module::load(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../examples/digits/model.pt"
    ))
    .unwrap()
}

fn image(seed: usize) -> IValue {
    let pixels: Vec<f32> = (0..64)
        .map(|i| ((i * 7 + seed * 13) % 17) as f32 / 16.0)
        .collect();
    floats(&pixels, &[1, 1, 8, 8])
}

fn scores(module: &Module, seed: usize) -> Vec<f32> {
    let found = module.call("features", &[image(seed)], &[]).unwrap();
    found.as_tensor().unwrap().to_vec::<f32>().unwrap()
}

#[test]
fn a_module_is_called_side_by_side() {
    // Nothing is compiled yet when the first calls meet.
    let module = digits();
    let expected: Vec<Vec<f32>> = {
        let other = digits();
        (0..8).map(|seed| scores(&other, seed)).collect()
    };
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (module, expected) = (&module, &expected);
            scope.spawn(move || {
                module.set_num_threads(1 + thread % 2);
                for round in 0..20 {
                    let seed = (thread + round) % 8;
                    assert_eq!(
                        scores(module, seed),
                        expected[seed],
                        "thread {thread}, round {round}"
                    );
                }
            });
        }
    });
}

fn count(found: IValue) -> Vec<f32> {
    found.as_tensor().unwrap().to_vec::<f32>().unwrap()
}

fn step(session: &mut Session) -> Vec<f32> {
    count(session.forward(&[floats(&[1.0, 2.0], &[2])]).unwrap())
}

#[test]
fn sessions_keep_their_own_state() {
    // The row of this module's buffers is changed by no call of its own; sessions write theirs.
    let module = load("counter.pt");
    let mut first = module.session().unwrap();
    let mut second = module.session().unwrap();
    assert_eq!(step(&mut first), [1.0, 2.0]);
    assert_eq!(step(&mut first), [2.0, 4.0]);
    // It goes on where it was on another thread.
    let moved = std::thread::spawn(move || {
        let third = step(&mut first);
        (first, third)
    });
    let (mut first, third) = moved.join().unwrap();
    assert_eq!(third, [3.0, 6.0]);
    assert_eq!(step(&mut second), [1.0, 2.0]);
    assert_eq!(step(&mut first), [4.0, 8.0]);
    // The module itself saw none of it.
    assert_eq!(count(module.attribute("total").unwrap()), [0.0, 0.0]);
    assert_eq!(first.module().attribute("calls").unwrap().as_int(), Some(4));
    assert_eq!(module.attribute("calls").unwrap().as_int(), Some(0));

    // Many at once.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let mut session = module.session().unwrap();
            scope.spawn(move || {
                for round in 1..=50 {
                    assert_eq!(step(&mut session), [round as f32, 2.0 * round as f32]);
                }
            });
        }
    });
}

#[test]
fn state_written_from_many_threads_stays_whole() {
    // Which call comes first is not defined; that each writes all or nothing is.
    let module = load("counter.pt");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let module = &module;
            scope.spawn(move || {
                for _ in 0..25 {
                    let found = module.forward(&[floats(&[1.0, 2.0], &[2])]).unwrap();
                    assert_eq!(found.as_tensor().unwrap().sizes(), [2]);
                }
            });
        }
    });
    let total = module
        .attribute("total")
        .unwrap()
        .as_tensor()
        .unwrap()
        .to_vec::<f32>()
        .unwrap();
    assert!(total[0] >= 1.0 && total[0] <= 100.0, "{total:?}");
}
