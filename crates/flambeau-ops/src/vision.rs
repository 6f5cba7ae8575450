//! torchvision's operators, built in.

use flambeau_ir::ops::Rows;
use flambeau_tensor::vision::{self as v, DeformParams};
use flambeau_tensor::{Result, Tensor};

pub fn declare(ops: &mut Rows) {
    ops.op("torchvision::nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        .doc("The numbers of the boxes that overlap no better one by more than the threshold.")
        .kernel(|boxes: Tensor, scores: Tensor, threshold: f64| v::nms(&boxes, &scores, threshold));
    ops.op("torchvision::box_iou_rotated(Tensor boxes1, Tensor boxes2) -> Tensor")
        .doc("The overlap of each rotated box with each other: intersection over union.")
        .kernel(|boxes1: Tensor, boxes2: Tensor| v::box_iou_rotated(&boxes1, &boxes2));
    ops.op("torchvision::_cuda_version() -> int")
        .doc("-1: there is no CUDA.")
        .kernel(|| -1i64);
    ops.op("torchvision::roi_align(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width, int sampling_ratio, bool aligned) -> Tensor")
        .doc("Means of bilinear samples over the bins of each region.")
        .kernel(|x: Tensor, rois: Tensor, scale: f64, h: i64, w: i64, sampling_ratio: i64, aligned: bool| {
            v::roi_align(&x, &rois, scale, [h, w], sampling_ratio, aligned)
        });
    ops.op("torchvision::roi_pool(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width) -> (Tensor, Tensor)")
        .doc("Maxima over the bins of each region, and their places.")
        .kernel(|x: Tensor, rois: Tensor, scale: f64, h: i64, w: i64| v::roi_pool(&x, &rois, scale, [h, w]));
    ops.op("torchvision::ps_roi_align(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width, int sampling_ratio) -> (Tensor, Tensor)")
        .doc("`roi_align` where each bin has channels of its own.")
        .kernel(|x: Tensor, rois: Tensor, scale: f64, h: i64, w: i64, sampling_ratio: i64| {
            v::ps_roi_align(&x, &rois, scale, [h, w], sampling_ratio)
        });
    ops.op("torchvision::ps_roi_pool(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width) -> (Tensor, Tensor)")
        .doc("Means over bins that have channels of their own.")
        .kernel(|x: Tensor, rois: Tensor, scale: f64, h: i64, w: i64| v::ps_roi_pool(&x, &rois, scale, [h, w]));
    ops.op("torchvision::deform_conv2d(Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias, SymInt stride_h, SymInt stride_w, SymInt pad_h, SymInt pad_w, SymInt dilation_h, SymInt dilation_w, SymInt groups, SymInt offset_groups, bool use_mask) -> Tensor")
        .doc("Convolution whose taps read at learned displacements.")
        .kernel(
            |x: Tensor,
             weight: Tensor,
             offset: Tensor,
             mask: Tensor,
             bias: Tensor,
             sh: i64,
             sw: i64,
             ph: i64,
             pw: i64,
             dh: i64,
             dw: i64,
             groups: i64,
             offset_groups: i64,
             use_mask: bool|
             -> Result<Tensor> {
                let params =
                    DeformParams { stride: [sh, sw], padding: [ph, pw], dilation: [dh, dw], groups, offset_groups };
                v::deform_conv2d(&x, &weight, &offset, use_mask.then_some(&mask), &bias, &params)
            },
        );
}
