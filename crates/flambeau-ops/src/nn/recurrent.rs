//! Recurrent layers and cells.

use flambeau_ir::ops::{Context, Rows};
use flambeau_tensor::nn::recurrent::{
    Between, Cell, LayerParams, Recurrent, recurrent, recurrent_cell, recurrent_packed,
};
use flambeau_tensor::random::tensor::{Dropout, dropout};
use flambeau_tensor::{Error, ErrorKind, Result, Tensor};

pub fn declare(ops: &mut Rows) {
    ops.op("aten::lstm.input(Tensor input, Tensor[] hx, Tensor[] params, bool has_biases, int num_layers, float dropout, bool train, bool bidirectional, bool batch_first) -> (Tensor, Tensor, Tensor)")
        .doc("Layers of long short-term memory.")
        .kernel(|ctx: &Context, input: Tensor, hx: Vec<Tensor>, params: Vec<Tensor>, has_biases: bool, num_layers: i64, dropout_p: f64, train: bool, bidirectional: bool, batch_first: bool| {
            let between = |x: &Tensor| drop(ctx, x, dropout_p);
            with_layers(has_biases, num_layers, bidirectional, (train && dropout_p > 0.0).then_some(&between), |layers| recurrent(Cell::Lstm, &input, &hx, &params, layers, batch_first)).and_then(lstm_results)
        });
    ops.op("aten::lstm.data(Tensor data, Tensor batch_sizes, Tensor[] hx, Tensor[] params, bool has_biases, int num_layers, float dropout, bool train, bool bidirectional) -> (Tensor, Tensor, Tensor)")
        .doc("Layers of long short-term memory.")
        .kernel(|ctx: &Context, data: Tensor, batch_sizes: Tensor, hx: Vec<Tensor>, params: Vec<Tensor>, has_biases: bool, num_layers: i64, dropout_p: f64, train: bool, bidirectional: bool| {
            let between = |x: &Tensor| drop(ctx, x, dropout_p);
            with_layers(has_biases, num_layers, bidirectional, (train && dropout_p > 0.0).then_some(&between), |layers| recurrent_packed(Cell::Lstm, &data, &batch_sizes, &hx, &params, layers)).and_then(lstm_results)
        });
    ops.op("aten::lstm_cell(Tensor input, Tensor[] hx, Tensor w_ih, Tensor w_hh, Tensor? b_ih=None, Tensor? b_hh=None) -> (Tensor, Tensor)")
        .doc("One step of it.")
        .kernel(|input: Tensor, hx: Vec<Tensor>, w_ih: Tensor, w_hh: Tensor, b_ih: Option<Tensor>, b_hh: Option<Tensor>| recurrent_cell(Cell::Lstm, &input, &hx, &w_ih, &w_hh, b_ih.as_ref(), b_hh.as_ref()).and_then(pair));
    ops.op("aten::gru.input(Tensor input, Tensor hx, Tensor[] params, bool has_biases, int num_layers, float dropout, bool train, bool bidirectional, bool batch_first) -> (Tensor, Tensor)")
        .doc("Layers of gated recurrent units.")
        .kernel(|ctx: &Context, input: Tensor, hx: Tensor, params: Vec<Tensor>, has_biases: bool, num_layers: i64, dropout_p: f64, train: bool, bidirectional: bool, batch_first: bool| {
            let between = |x: &Tensor| drop(ctx, x, dropout_p);
            with_layers(has_biases, num_layers, bidirectional, (train && dropout_p > 0.0).then_some(&between), |layers| recurrent(Cell::Gru, &input, &[hx], &params, layers, batch_first)).and_then(results)
        });
    ops.op("aten::gru.data(Tensor data, Tensor batch_sizes, Tensor hx, Tensor[] params, bool has_biases, int num_layers, float dropout, bool train, bool bidirectional) -> (Tensor, Tensor)")
        .doc("Layers of gated recurrent units.")
        .kernel(|ctx: &Context, data: Tensor, batch_sizes: Tensor, hx: Tensor, params: Vec<Tensor>, has_biases: bool, num_layers: i64, dropout_p: f64, train: bool, bidirectional: bool| {
            let between = |x: &Tensor| drop(ctx, x, dropout_p);
            with_layers(has_biases, num_layers, bidirectional, (train && dropout_p > 0.0).then_some(&between), |layers| recurrent_packed(Cell::Gru, &data, &batch_sizes, &[hx], &params, layers)).and_then(results)
        });
    ops.op("aten::gru_cell(Tensor input, Tensor hx, Tensor w_ih, Tensor w_hh, Tensor? b_ih=None, Tensor? b_hh=None) -> Tensor")
        .doc("One step of it.")
        .kernel(|input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Option<Tensor>, b_hh: Option<Tensor>| recurrent_cell(Cell::Gru, &input, &[hx], &w_ih, &w_hh, b_ih.as_ref(), b_hh.as_ref()).and_then(first));
    ops.op("aten::rnn_tanh.input(Tensor input, Tensor hx, Tensor[] params, bool has_biases, int num_layers, float dropout, bool train, bool bidirectional, bool batch_first) -> (Tensor, Tensor)")
        .doc("Recurrent layers with tanh.")
        .kernel(|ctx: &Context, input: Tensor, hx: Tensor, params: Vec<Tensor>, has_biases: bool, num_layers: i64, dropout_p: f64, train: bool, bidirectional: bool, batch_first: bool| {
            let between = |x: &Tensor| drop(ctx, x, dropout_p);
            with_layers(has_biases, num_layers, bidirectional, (train && dropout_p > 0.0).then_some(&between), |layers| recurrent(Cell::Tanh, &input, &[hx], &params, layers, batch_first)).and_then(results)
        });
    ops.op("aten::rnn_tanh.data(Tensor data, Tensor batch_sizes, Tensor hx, Tensor[] params, bool has_biases, int num_layers, float dropout, bool train, bool bidirectional) -> (Tensor, Tensor)")
        .doc("Recurrent layers with tanh.")
        .kernel(|ctx: &Context, data: Tensor, batch_sizes: Tensor, hx: Tensor, params: Vec<Tensor>, has_biases: bool, num_layers: i64, dropout_p: f64, train: bool, bidirectional: bool| {
            let between = |x: &Tensor| drop(ctx, x, dropout_p);
            with_layers(has_biases, num_layers, bidirectional, (train && dropout_p > 0.0).then_some(&between), |layers| recurrent_packed(Cell::Tanh, &data, &batch_sizes, &[hx], &params, layers)).and_then(results)
        });
    ops.op("aten::rnn_tanh_cell(Tensor input, Tensor hx, Tensor w_ih, Tensor w_hh, Tensor? b_ih=None, Tensor? b_hh=None) -> Tensor")
        .doc("One step of it.")
        .kernel(|input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Option<Tensor>, b_hh: Option<Tensor>| recurrent_cell(Cell::Tanh, &input, &[hx], &w_ih, &w_hh, b_ih.as_ref(), b_hh.as_ref()).and_then(first));
    ops.op("aten::rnn_relu.input(Tensor input, Tensor hx, Tensor[] params, bool has_biases, int num_layers, float dropout, bool train, bool bidirectional, bool batch_first) -> (Tensor, Tensor)")
        .doc("Recurrent layers with relu.")
        .kernel(|ctx: &Context, input: Tensor, hx: Tensor, params: Vec<Tensor>, has_biases: bool, num_layers: i64, dropout_p: f64, train: bool, bidirectional: bool, batch_first: bool| {
            let between = |x: &Tensor| drop(ctx, x, dropout_p);
            with_layers(has_biases, num_layers, bidirectional, (train && dropout_p > 0.0).then_some(&between), |layers| recurrent(Cell::Relu, &input, &[hx], &params, layers, batch_first)).and_then(results)
        });
    ops.op("aten::rnn_relu.data(Tensor data, Tensor batch_sizes, Tensor hx, Tensor[] params, bool has_biases, int num_layers, float dropout, bool train, bool bidirectional) -> (Tensor, Tensor)")
        .doc("Recurrent layers with relu.")
        .kernel(|ctx: &Context, data: Tensor, batch_sizes: Tensor, hx: Tensor, params: Vec<Tensor>, has_biases: bool, num_layers: i64, dropout_p: f64, train: bool, bidirectional: bool| {
            let between = |x: &Tensor| drop(ctx, x, dropout_p);
            with_layers(has_biases, num_layers, bidirectional, (train && dropout_p > 0.0).then_some(&between), |layers| recurrent_packed(Cell::Relu, &data, &batch_sizes, &[hx], &params, layers)).and_then(results)
        });
    ops.op("aten::rnn_relu_cell(Tensor input, Tensor hx, Tensor w_ih, Tensor w_hh, Tensor? b_ih=None, Tensor? b_hh=None) -> Tensor")
        .doc("One step of it.")
        .kernel(|input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Option<Tensor>, b_hh: Option<Tensor>| recurrent_cell(Cell::Relu, &input, &[hx], &w_ih, &w_hh, b_ih.as_ref(), b_hh.as_ref()).and_then(first));
}

fn with_layers<R>(
    has_biases: bool,
    num_layers: i64,
    bidirectional: bool,
    between: Option<&dyn Fn(&Tensor) -> Result<Tensor>>,
    run: impl FnOnce(&LayerParams<'_>) -> Result<R>,
) -> Result<R> {
    let between: Between<'_> = between;
    run(&LayerParams {
        has_biases,
        num_layers,
        bidirectional,
        between,
    })
}

fn results(r: Recurrent) -> Result<(Tensor, Tensor)> {
    Ok((r.output, r.hidden))
}

fn missing() -> Error {
    Error::new(ErrorKind::Runtime, "the cell returned fewer states than it has")
}

fn lstm_results(r: Recurrent) -> Result<(Tensor, Tensor, Tensor)> {
    let cell = r.cell.ok_or_else(missing)?;
    Ok((r.output, r.hidden, cell))
}

fn pair(states: Vec<Tensor>) -> Result<(Tensor, Tensor)> {
    let mut states = states.into_iter();
    states.next().zip(states.next()).ok_or_else(missing)
}

fn first(states: Vec<Tensor>) -> Result<Tensor> {
    states.into_iter().next().ok_or_else(missing)
}

/// Dropout between layers, by the program's generator.
fn drop(ctx: &Context, x: &Tensor, p: f64) -> Result<Tensor> {
    dropout(x, p, true, Dropout::Elements, &mut ctx.generator.lock())
}
