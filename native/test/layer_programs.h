// One layer of a small Llama model as @ane/models writes it, forward with its taps and backward; names are shortened.
// 16 channels, 2 query heads on 1 key head, 40 hidden units, 12 positions.
#pragma once

constexpr const char* kLayerForward = R"mil(program(1.3)
{
func main<ios18>(tensor<fp16, [1, 16, 1, 12]> v3, tensor<fp16, [1, 16, 1, 1]> v4, tensor<fp16, [1, 16, 1, 16]> v5,
  tensor<fp16, [1, 8, 1, 16]> v6, tensor<fp16, [1, 8, 1, 16]> v7, tensor<fp16, [1, 16, 1, 16]> v8, tensor<fp16, [1,
  16, 1, 1]> v9, tensor<fp16, [1, 40, 1, 16]> v10, tensor<fp16, [1, 40, 1, 16]> v11, tensor<fp16, [1, 16, 1, 40]>
  v12) {
tensor<fp16, [1, 16, 1, 12]> v13 = abs(x = v3);
tensor<fp16, [1, 1, 1, 12]> v14 = reduce_max(axes = tensor<int32, [1]>([1]), keep_dims = bool(true), x = v13);
tensor<fp16, [1, 1, 1, 12]> v15 = maximum(x = v14, y = fp16(0x1.9e8p-9));
tensor<fp16, [1, 1, 1, 12]> v16 = real_div(x = fp16(0x1p+1), y = v15);
tensor<fp16, [1, 16, 1, 12]> v17 = mul(x = v3, y = v16);
tensor<fp16, [1, 16, 1, 12]> v18 = mul(x = v17, y = v17);
tensor<fp16, [1, 1, 1, 12]> v19 = reduce_sum(axes = tensor<int32, [1]>([1]), keep_dims = bool(true), x = v18);
tensor<fp16, [1, 1, 1, 12]> v20 = mul(x = v19, y = fp16(0x1p-4));
tensor<fp16, [1, 1, 1, 12]> v21 = mul(x = v16, y = fp16(0x1.9e8p-9));
tensor<fp16, [1, 1, 1, 12]> v22 = mul(x = v21, y = v21);
tensor<fp16, [1, 1, 1, 12]> v23 = add(x = v20, y = v22);
tensor<fp16, [1, 1, 1, 12]> v24 = pow(x = v23, y = fp16(-0x1p-1));
tensor<fp16, [1, 16, 1, 12]> v25 = mul(x = v17, y = v24);
tensor<fp16, [1, 16, 1, 12]> v26 = mul(x = v25, y = v4);
tensor<fp16, [1, 1, 16, 16]> v27 = reshape(shape = tensor<int32, [4]>([1, 1, 16, 16]), x = v5);
tensor<fp16, [1, 1, 16, 12]> v28 = reshape(shape = tensor<int32, [4]>([1, 1, 16, 12]), x = v26);
tensor<fp16, [1, 1, 16, 12]> v29 = matmul(transpose_x = bool(false), transpose_y = bool(false), x = v27, y = v28);
tensor<fp16, [1, 16, 1, 12]> v30 = reshape(shape = tensor<int32, [4]>([1, 16, 1, 12]), x = v29);
tensor<fp16, [1, 1, 8, 16]> v31 = reshape(shape = tensor<int32, [4]>([1, 1, 8, 16]), x = v6);
tensor<fp16, [1, 1, 16, 12]> v32 = reshape(shape = tensor<int32, [4]>([1, 1, 16, 12]), x = v26);
tensor<fp16, [1, 1, 8, 12]> v33 = matmul(transpose_x = bool(false), transpose_y = bool(false), x = v31, y = v32);
tensor<fp16, [1, 8, 1, 12]> v34 = reshape(shape = tensor<int32, [4]>([1, 8, 1, 12]), x = v33);
tensor<fp16, [1, 1, 8, 16]> v35 = reshape(shape = tensor<int32, [4]>([1, 1, 8, 16]), x = v7);
tensor<fp16, [1, 1, 16, 12]> v36 = reshape(shape = tensor<int32, [4]>([1, 1, 16, 12]), x = v26);
tensor<fp16, [1, 1, 8, 12]> v37 = matmul(transpose_x = bool(false), transpose_y = bool(false), x = v35, y = v36);
tensor<fp16, [1, 8, 1, 12]> v38 = reshape(shape = tensor<int32, [4]>([1, 8, 1, 12]), x = v37);
tensor<fp16, [1, 2, 8, 12]> v39 = reshape(shape = tensor<int32, [4]>([1, 2, 8, 12]), x = v30);
tensor<fp16, [1, 1, 4, 12]> v0 = const()[val = tensor<fp16, [1, 1, 4, 12]>([1, 0.5403, -0.4161, -0.99, -0.6536,
  0.2837, 0.9602, 0.7539, -0.1455, -0.9111, -0.8391, 0.004426, 1, 0.995, 0.9801, 0.9553, 0.9211, 0.8776, 0.8253,
  0.7648, 0.6967, 0.6216, 0.5403, 0.4536, 1, 1, 0.9998, 0.9996, 0.9992, 0.9988, 0.9982, 0.9976, 0.9968, 0.996,
  0.995, 0.994, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0.9999])];
tensor<fp16, [1, 1, 4, 12]> v1 = const()[val = tensor<fp16, [1, 1, 4, 12]>([0, 0.8415, 0.9093, 0.1411, -0.7568,
  -0.9589, -0.2794, 0.657, 0.9894, 0.4121, -0.544, -1, 0, 0.09983, 0.1987, 0.2955, 0.3894, 0.4794, 0.5646, 0.6442,
  0.7174, 0.7833, 0.8415, 0.8912, 0, 0.01, 0.02, 0.03, 0.03999, 0.04998, 0.05996, 0.06994, 0.07991, 0.08988,
  0.09983, 0.1098, 0, 0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.007, 0.008, 0.009, 0.01, 0.011])];
tensor<fp16, [1, 1, 12, 12]> v2 = const()[val = tensor<fp16, [1, 1, 12, 12]>([0, -65504, -65504, -65504, -65504,
  -65504, -65504, -65504, -65504, -65504, -65504, -65504, 0, 0, -65504, -65504, -65504, -65504, -65504, -65504,
  -65504, -65504, -65504, -65504, 0, 0, 0, -65504, -65504, -65504, -65504, -65504, -65504, -65504, -65504, -65504,
  0, 0, 0, 0, -65504, -65504, -65504, -65504, -65504, -65504, -65504, -65504, 0, 0, 0, 0, 0, -65504, -65504,
  -65504, -65504, -65504, -65504, -65504, 0, 0, 0, 0, 0, 0, -65504, -65504, -65504, -65504, -65504, -65504, 0, 0,
  0, 0, 0, 0, 0, -65504, -65504, -65504, -65504, -65504, 0, 0, 0, 0, 0, 0, 0, 0, -65504, -65504, -65504, -65504, 0,
  0, 0, 0, 0, 0, 0, 0, 0, -65504, -65504, -65504, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -65504, -65504, 0, 0, 0, 0, 0, 0,
  0, 0, 0, 0, 0, -65504, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])];
tensor<fp16, [1, 2, 4, 12]> v40, tensor<fp16, [1, 2, 4, 12]> v41 = split(axis = int32(2), num_splits = int32(2), x
  = v39);
tensor<fp16, [1, 2, 4, 12]> v42 = mul(x = v40, y = v0);
tensor<fp16, [1, 2, 4, 12]> v43 = mul(x = v41, y = v1);
tensor<fp16, [1, 2, 4, 12]> v44 = sub(x = v42, y = v43);
tensor<fp16, [1, 2, 4, 12]> v45 = mul(x = v41, y = v0);
tensor<fp16, [1, 2, 4, 12]> v46 = mul(x = v40, y = v1);
tensor<fp16, [1, 2, 4, 12]> v47 = add(x = v45, y = v46);
tensor<fp16, [1, 2, 8, 12]> v48 = concat(axis = int32(2), interleave = bool(false), values = (v44, v47));
tensor<fp16, [1, 2, 8, 12]> v49 = mul(x = v48, y = fp16(0x1.6ap-2));
tensor<fp16, [1, 1, 8, 12]> v50 = reshape(shape = tensor<int32, [4]>([1, 1, 8, 12]), x = v34);
tensor<fp16, [1, 1, 4, 12]> v51, tensor<fp16, [1, 1, 4, 12]> v52 = split(axis = int32(2), num_splits = int32(2), x
  = v50);
tensor<fp16, [1, 1, 4, 12]> v53 = mul(x = v51, y = v0);
tensor<fp16, [1, 1, 4, 12]> v54 = mul(x = v52, y = v1);
tensor<fp16, [1, 1, 4, 12]> v55 = sub(x = v53, y = v54);
tensor<fp16, [1, 1, 4, 12]> v56 = mul(x = v52, y = v0);
tensor<fp16, [1, 1, 4, 12]> v57 = mul(x = v51, y = v1);
tensor<fp16, [1, 1, 4, 12]> v58 = add(x = v56, y = v57);
tensor<fp16, [1, 1, 8, 12]> v59 = concat(axis = int32(2), interleave = bool(false), values = (v55, v58));
tensor<fp16, [1, 8, 1, 12]> v60 = reshape(shape = tensor<int32, [4]>([1, 8, 1, 12]), x = v59);
tensor<fp16, [1, 1, 8, 12]> v61 = transpose(perm = tensor<int32, [4]>([2, 0, 1, 3]), x = v60);
tensor<fp16, [1, 1, 8, 12]> v62 = reshape(shape = tensor<int32, [4]>([1, 1, 8, 12]), x = v61);
tensor<fp16, [1, 8, 1, 12]> v63 = reshape(shape = tensor<int32, [4]>([1, 8, 1, 12]), x = v38);
tensor<fp16, [1, 1, 8, 12]> v64 = transpose(perm = tensor<int32, [4]>([2, 0, 1, 3]), x = v63);
tensor<fp16, [1, 1, 8, 12]> v65 = reshape(shape = tensor<int32, [4]>([1, 1, 8, 12]), x = v64);
tensor<fp16, [1, 16, 1, 12]> v66 = reshape(shape = tensor<int32, [4]>([1, 16, 1, 12]), x = v49);
tensor<fp16, [1, 1, 16, 12]> v67 = transpose(perm = tensor<int32, [4]>([2, 0, 1, 3]), x = v66);
tensor<fp16, [1, 2, 8, 12]> v68 = reshape(shape = tensor<int32, [4]>([1, 2, 8, 12]), x = v67);
tensor<fp16, [1, 2, 12, 12]> v69 = matmul(transpose_x = bool(true), transpose_y = bool(false), x = v68, y = v62);
tensor<fp16, [1, 2, 12, 12]> v70 = add(x = v69, y = v2);
tensor<fp16, [1, 2, 12, 12]> v71 = softmax(axis = int32(-1), x = v70);
tensor<fp16, [1, 2, 8, 12]> v72 = matmul(transpose_x = bool(false), transpose_y = bool(true), x = v65, y = v71);
tensor<fp16, [1, 1, 16, 12]> v73 = reshape(shape = tensor<int32, [4]>([1, 1, 16, 12]), x = v72);
tensor<fp16, [1, 16, 1, 12]> v74 = transpose(perm = tensor<int32, [4]>([1, 2, 0, 3]), x = v73);
tensor<fp16, [1, 16, 1, 12]> v75 = reshape(shape = tensor<int32, [4]>([1, 16, 1, 12]), x = v74);
tensor<fp16, [1, 1, 16, 16]> v76 = reshape(shape = tensor<int32, [4]>([1, 1, 16, 16]), x = v8);
tensor<fp16, [1, 1, 16, 12]> v77 = reshape(shape = tensor<int32, [4]>([1, 1, 16, 12]), x = v75);
tensor<fp16, [1, 1, 16, 12]> v78 = matmul(transpose_x = bool(false), transpose_y = bool(false), x = v76, y = v77);
tensor<fp16, [1, 16, 1, 12]> v79 = reshape(shape = tensor<int32, [4]>([1, 16, 1, 12]), x = v78);
tensor<fp16, [1, 16, 1, 12]> v80 = add(x = v3, y = v79);
tensor<fp16, [1, 16, 1, 12]> v81 = abs(x = v80);
tensor<fp16, [1, 1, 1, 12]> v82 = reduce_max(axes = tensor<int32, [1]>([1]), keep_dims = bool(true), x = v81);
tensor<fp16, [1, 1, 1, 12]> v83 = maximum(x = v82, y = fp16(0x1.9e8p-9));
tensor<fp16, [1, 1, 1, 12]> v84 = real_div(x = fp16(0x1p+1), y = v83);
tensor<fp16, [1, 16, 1, 12]> v85 = mul(x = v80, y = v84);
tensor<fp16, [1, 16, 1, 12]> v86 = mul(x = v85, y = v85);
tensor<fp16, [1, 1, 1, 12]> v87 = reduce_sum(axes = tensor<int32, [1]>([1]), keep_dims = bool(true), x = v86);
tensor<fp16, [1, 1, 1, 12]> v88 = mul(x = v87, y = fp16(0x1p-4));
tensor<fp16, [1, 1, 1, 12]> v89 = mul(x = v84, y = fp16(0x1.9e8p-9));
tensor<fp16, [1, 1, 1, 12]> v90 = mul(x = v89, y = v89);
tensor<fp16, [1, 1, 1, 12]> v91 = add(x = v88, y = v90);
tensor<fp16, [1, 1, 1, 12]> v92 = pow(x = v91, y = fp16(-0x1p-1));
tensor<fp16, [1, 16, 1, 12]> v93 = mul(x = v85, y = v92);
tensor<fp16, [1, 16, 1, 12]> v94 = mul(x = v93, y = v9);
tensor<fp16, [1, 1, 40, 16]> v95 = reshape(shape = tensor<int32, [4]>([1, 1, 40, 16]), x = v10);
tensor<fp16, [1, 1, 16, 12]> v96 = reshape(shape = tensor<int32, [4]>([1, 1, 16, 12]), x = v94);
tensor<fp16, [1, 1, 40, 12]> v97 = matmul(transpose_x = bool(false), transpose_y = bool(false), x = v95, y = v96);
tensor<fp16, [1, 40, 1, 12]> v98 = reshape(shape = tensor<int32, [4]>([1, 40, 1, 12]), x = v97);
tensor<fp16, [1, 1, 40, 16]> v99 = reshape(shape = tensor<int32, [4]>([1, 1, 40, 16]), x = v11);
tensor<fp16, [1, 1, 16, 12]> v100 = reshape(shape = tensor<int32, [4]>([1, 1, 16, 12]), x = v94);
tensor<fp16, [1, 1, 40, 12]> v101 = matmul(transpose_x = bool(false), transpose_y = bool(false), x = v99, y =
  v100);
tensor<fp16, [1, 40, 1, 12]> v102 = reshape(shape = tensor<int32, [4]>([1, 40, 1, 12]), x = v101);
tensor<fp16, [1, 40, 1, 12]> v103 = sigmoid(x = v98);
tensor<fp16, [1, 40, 1, 12]> v104 = mul(x = v98, y = v103);
tensor<fp16, [1, 40, 1, 12]> v105 = mul(x = v104, y = v102);
tensor<fp16, [1, 1, 16, 40]> v106 = reshape(shape = tensor<int32, [4]>([1, 1, 16, 40]), x = v12);
tensor<fp16, [1, 1, 40, 12]> v107 = reshape(shape = tensor<int32, [4]>([1, 1, 40, 12]), x = v105);
tensor<fp16, [1, 1, 16, 12]> v108 = matmul(transpose_x = bool(false), transpose_y = bool(false), x = v106, y =
  v107);
tensor<fp16, [1, 16, 1, 12]> v109 = reshape(shape = tensor<int32, [4]>([1, 16, 1, 12]), x = v108);
tensor<fp16, [1, 16, 1, 12]> v110 = add(x = v80, y = v109);
} -> (v110, v26, v30, v34, v38, v75, v80, v94, v98, v102);
}
)mil";

constexpr const char* kLayerBackward = R"mil(program(1.3)
{
func main<ios18>(tensor<fp16, [1, 16, 1, 12]> v3, tensor<fp16, [1, 16, 1, 1]> v4, tensor<fp16, [1, 16, 1, 16]> v5,
  tensor<fp16, [1, 8, 1, 16]> v6, tensor<fp16, [1, 8, 1, 16]> v7, tensor<fp16, [1, 16, 1, 16]> v8, tensor<fp16, [1,
  16, 1, 1]> v9, tensor<fp16, [1, 40, 1, 16]> v10, tensor<fp16, [1, 40, 1, 16]> v11, tensor<fp16, [1, 16, 1, 40]>
  v12, tensor<fp16, [1, 16, 1, 12]> v13, tensor<fp16, [1, 8, 1, 12]> v14, tensor<fp16, [1, 8, 1, 12]> v15,
  tensor<fp16, [1, 16, 1, 12]> v16, tensor<fp16, [1, 40, 1, 12]> v17, tensor<fp16, [1, 40, 1, 12]> v18,
  tensor<fp16, [1, 16, 1, 12]> v19) {
tensor<fp16, [1, 1, 16, 12]> v20 = reshape(shape = tensor<int32, [4]>([1, 1, 16, 12]), x = v19);
tensor<fp16, [1, 40, 1, 12]> v21 = sigmoid(x = v17);
tensor<fp16, [1, 40, 1, 12]> v22 = mul(x = v17, y = v21);
tensor<fp16, [1, 40, 1, 12]> v23 = mul(x = v22, y = v18);
tensor<fp16, [1, 1, 16, 40]> v24 = reshape(shape = tensor<int32, [4]>([1, 1, 16, 40]), x = v12);
tensor<fp16, [1, 1, 40, 12]> v25 = matmul(transpose_x = bool(true), transpose_y = bool(false), x = v24, y = v20);
tensor<fp16, [1, 40, 1, 12]> v26 = reshape(shape = tensor<int32, [4]>([1, 40, 1, 12]), x = v25);
tensor<fp16, [1, 40, 1, 12]> v27 = mul(x = v26, y = v18);
tensor<fp16, [1, 40, 1, 12]> v28 = mul(x = v26, y = v22);
tensor<fp16, [1, 40, 1, 12]> v29 = mul(x = v27, y = v21);
tensor<fp16, [1, 40, 1, 12]> v30 = mul(x = v27, y = v17);
tensor<fp16, [1, 40, 1, 12]> v31 = sub(x = fp16(0x1p+0), y = v21);
tensor<fp16, [1, 40, 1, 12]> v32 = mul(x = v30, y = v21);
tensor<fp16, [1, 40, 1, 12]> v33 = mul(x = v32, y = v31);
tensor<fp16, [1, 40, 1, 12]> v34 = add(x = v29, y = v33);
tensor<fp16, [1, 1, 40, 12]> v35 = reshape(shape = tensor<int32, [4]>([1, 1, 40, 12]), x = v28);
tensor<fp16, [1, 1, 40, 16]> v36 = reshape(shape = tensor<int32, [4]>([1, 1, 40, 16]), x = v11);
tensor<fp16, [1, 1, 16, 12]> v37 = matmul(transpose_x = bool(true), transpose_y = bool(false), x = v36, y = v35);
tensor<fp16, [1, 16, 1, 12]> v38 = reshape(shape = tensor<int32, [4]>([1, 16, 1, 12]), x = v37);
tensor<fp16, [1, 1, 40, 12]> v39 = reshape(shape = tensor<int32, [4]>([1, 1, 40, 12]), x = v34);
tensor<fp16, [1, 1, 40, 16]> v40 = reshape(shape = tensor<int32, [4]>([1, 1, 40, 16]), x = v10);
tensor<fp16, [1, 1, 16, 12]> v41 = matmul(transpose_x = bool(true), transpose_y = bool(false), x = v40, y = v39);
tensor<fp16, [1, 16, 1, 12]> v42 = reshape(shape = tensor<int32, [4]>([1, 16, 1, 12]), x = v41);
tensor<fp16, [1, 16, 1, 12]> v43 = add(x = v38, y = v42);
tensor<fp16, [1, 16, 1, 12]> v44 = abs(x = v16);
tensor<fp16, [1, 1, 1, 12]> v45 = reduce_max(axes = tensor<int32, [1]>([1]), keep_dims = bool(true), x = v44);
tensor<fp16, [1, 1, 1, 12]> v46 = maximum(x = v45, y = fp16(0x1.9e8p-9));
tensor<fp16, [1, 1, 1, 12]> v47 = real_div(x = fp16(0x1p+1), y = v46);
tensor<fp16, [1, 1, 1, 12]> v48 = mul(x = v47, y = fp16(0x1.9e8p-9));
tensor<fp16, [1, 1, 1, 12]> v49 = mul(x = v48, y = v48);
tensor<fp16, [1, 16, 1, 12]> v50 = mul(x = v16, y = v47);
tensor<fp16, [1, 16, 1, 12]> v51 = mul(x = v50, y = v50);
tensor<fp16, [1, 1, 1, 12]> v52 = reduce_sum(axes = tensor<int32, [1]>([1]), keep_dims = bool(true), x = v51);
tensor<fp16, [1, 1, 1, 12]> v53 = mul(x = v52, y = fp16(0x1p-4));
tensor<fp16, [1, 1, 1, 12]> v54 = add(x = v53, y = v49);
tensor<fp16, [1, 1, 1, 12]> v55 = pow(x = v54, y = fp16(-0x1p-1));
tensor<fp16, [1, 16, 1, 12]> v56 = mul(x = v50, y = v55);
tensor<fp16, [1, 16, 1, 12]> v57 = mul(x = v43, y = v9);
tensor<fp16, [1, 16, 1, 12]> v58 = mul(x = v57, y = v55);
tensor<fp16, [1, 16, 1, 12]> v59 = mul(x = v57, y = v50);
tensor<fp16, [1, 1, 1, 12]> v60 = reduce_sum(axes = tensor<int32, [1]>([1]), keep_dims = bool(true), x = v59);
tensor<fp16, [1, 1, 1, 12]> v61 = mul(x = v60, y = fp16(-0x1p-1));
tensor<fp16, [1, 1, 1, 12]> v62 = mul(x = v61, y = v55);
tensor<fp16, [1, 1, 1, 12]> v63 = mul(x = v62, y = v55);
tensor<fp16, [1, 1, 1, 12]> v64 = mul(x = v63, y = v55);
tensor<fp16, [1, 1, 1, 12]> v65 = mul(x = v64, y = fp16(0x1p-4));
tensor<fp16, [1, 16, 1, 12]> v66 = mul(x = v65, y = v50);
tensor<fp16, [1, 16, 1, 12]> v67 = add(x = v58, y = v66);
tensor<fp16, [1, 16, 1, 12]> v68 = add(x = v67, y = v66);
tensor<fp16, [1, 16, 1, 12]> v69 = mul(x = v68, y = v47);
tensor<fp16, [1, 16, 1, 12]> v70 = add(x = v19, y = v69);
tensor<fp16, [1, 1, 16, 12]> v71 = reshape(shape = tensor<int32, [4]>([1, 1, 16, 12]), x = v70);
tensor<fp16, [1, 1, 16, 16]> v72 = reshape(shape = tensor<int32, [4]>([1, 1, 16, 16]), x = v8);
tensor<fp16, [1, 1, 16, 12]> v73 = matmul(transpose_x = bool(true), transpose_y = bool(false), x = v72, y = v71);
tensor<fp16, [1, 2, 8, 12]> v74 = reshape(shape = tensor<int32, [4]>([1, 2, 8, 12]), x = v73);
tensor<fp16, [1, 1, 12, 12]> v0 = const()[val = tensor<fp16, [1, 1, 12, 12]>([0, -65504, -65504, -65504, -65504,
  -65504, -65504, -65504, -65504, -65504, -65504, -65504, 0, 0, -65504, -65504, -65504, -65504, -65504, -65504,
  -65504, -65504, -65504, -65504, 0, 0, 0, -65504, -65504, -65504, -65504, -65504, -65504, -65504, -65504, -65504,
  0, 0, 0, 0, -65504, -65504, -65504, -65504, -65504, -65504, -65504, -65504, 0, 0, 0, 0, 0, -65504, -65504,
  -65504, -65504, -65504, -65504, -65504, 0, 0, 0, 0, 0, 0, -65504, -65504, -65504, -65504, -65504, -65504, 0, 0,
  0, 0, 0, 0, 0, -65504, -65504, -65504, -65504, -65504, 0, 0, 0, 0, 0, 0, 0, 0, -65504, -65504, -65504, -65504, 0,
  0, 0, 0, 0, 0, 0, 0, 0, -65504, -65504, -65504, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -65504, -65504, 0, 0, 0, 0, 0, 0,
  0, 0, 0, 0, 0, -65504, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])];
tensor<fp16, [1, 1, 4, 12]> v1 = const()[val = tensor<fp16, [1, 1, 4, 12]>([0, 0.8415, 0.9093, 0.1411, -0.7568,
  -0.9589, -0.2794, 0.657, 0.9894, 0.4121, -0.544, -1, 0, 0.09983, 0.1987, 0.2955, 0.3894, 0.4794, 0.5646, 0.6442,
  0.7174, 0.7833, 0.8415, 0.8912, 0, 0.01, 0.02, 0.03, 0.03999, 0.04998, 0.05996, 0.06994, 0.07991, 0.08988,
  0.09983, 0.1098, 0, 0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.007, 0.008, 0.009, 0.01, 0.011])];
tensor<fp16, [1, 1, 8, 12]> v75 = reshape(shape = tensor<int32, [4]>([1, 1, 8, 12]), x = v14);
tensor<fp16, [1, 1, 4, 12]> v76, tensor<fp16, [1, 1, 4, 12]> v77 = split(axis = int32(2), num_splits = int32(2), x
  = v75);
tensor<fp16, [1, 1, 4, 12]> v78 = mul(x = v76, y = v1);
tensor<fp16, [1, 1, 4, 12]> v2 = const()[val = tensor<fp16, [1, 1, 4, 12]>([1, 0.5403, -0.4161, -0.99, -0.6536,
  0.2837, 0.9602, 0.7539, -0.1455, -0.9111, -0.8391, 0.004426, 1, 0.995, 0.9801, 0.9553, 0.9211, 0.8776, 0.8253,
  0.7648, 0.6967, 0.6216, 0.5403, 0.4536, 1, 1, 0.9998, 0.9996, 0.9992, 0.9988, 0.9982, 0.9976, 0.9968, 0.996,
  0.995, 0.994, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0.9999])];
tensor<fp16, [1, 1, 4, 12]> v79 = mul(x = v77, y = v2);
tensor<fp16, [1, 1, 4, 12]> v80 = add(x = v79, y = v78);
tensor<fp16, [1, 1, 4, 12]> v81 = mul(x = v77, y = v1);
tensor<fp16, [1, 1, 4, 12]> v82 = mul(x = v76, y = v2);
tensor<fp16, [1, 1, 4, 12]> v83 = sub(x = v82, y = v81);
tensor<fp16, [1, 1, 8, 12]> v84 = concat(axis = int32(2), interleave = bool(false), values = (v83, v80));
tensor<fp16, [1, 2, 8, 12]> v85 = reshape(shape = tensor<int32, [4]>([1, 2, 8, 12]), x = v13);
tensor<fp16, [1, 2, 4, 12]> v86, tensor<fp16, [1, 2, 4, 12]> v87 = split(axis = int32(2), num_splits = int32(2), x
  = v85);
tensor<fp16, [1, 2, 4, 12]> v88 = mul(x = v86, y = v1);
tensor<fp16, [1, 2, 4, 12]> v89 = mul(x = v87, y = v2);
tensor<fp16, [1, 2, 4, 12]> v90 = add(x = v89, y = v88);
tensor<fp16, [1, 2, 4, 12]> v91 = mul(x = v87, y = v1);
tensor<fp16, [1, 2, 4, 12]> v92 = mul(x = v86, y = v2);
tensor<fp16, [1, 2, 4, 12]> v93 = sub(x = v92, y = v91);
tensor<fp16, [1, 2, 8, 12]> v94 = concat(axis = int32(2), interleave = bool(false), values = (v93, v90));
tensor<fp16, [1, 2, 8, 12]> v95 = mul(x = v94, y = fp16(0x1.6ap-2));
tensor<fp16, [1, 2, 12, 12]> v96 = matmul(transpose_x = bool(true), transpose_y = bool(false), x = v95, y = v84);
tensor<fp16, [1, 2, 12, 12]> v97 = add(x = v96, y = v0);
tensor<fp16, [1, 2, 12, 12]> v98 = softmax(axis = int32(-1), x = v97);
tensor<fp16, [1, 2, 8, 12]> v99 = matmul(transpose_x = bool(false), transpose_y = bool(false), x = v74, y = v98);
tensor<fp16, [1, 1, 8, 12]> v100 = reduce_sum(axes = tensor<int32, [1]>([1]), keep_dims = bool(true), x = v99);
tensor<fp16, [1, 1, 8, 12]> v101 = reshape(shape = tensor<int32, [4]>([1, 1, 8, 12]), x = v15);
tensor<fp16, [1, 2, 12, 12]> v102 = matmul(transpose_x = bool(true), transpose_y = bool(false), x = v74, y = v101);
tensor<fp16, [1, 2, 12, 12]> v103 = mul(x = v102, y = v98);
tensor<fp16, [1, 2, 12, 1]> v104 = reduce_sum(axes = tensor<int32, [1]>([3]), keep_dims = bool(true), x = v103);
tensor<fp16, [1, 2, 12, 12]> v105 = sub(x = v102, y = v104);
tensor<fp16, [1, 2, 12, 12]> v106 = mul(x = v105, y = v98);
tensor<fp16, [1, 2, 8, 12]> v107 = matmul(transpose_x = bool(false), transpose_y = bool(true), x = v84, y = v106);
tensor<fp16, [1, 2, 8, 12]> v108 = matmul(transpose_x = bool(false), transpose_y = bool(false), x = v95, y = v106);
tensor<fp16, [1, 1, 8, 12]> v109 = reduce_sum(axes = tensor<int32, [1]>([1]), keep_dims = bool(true), x = v108);
tensor<fp16, [1, 8, 1, 12]> v110 = reshape(shape = tensor<int32, [4]>([1, 8, 1, 12]), x = v100);
tensor<fp16, [1, 1, 4, 12]> v111 = slice_by_size(begin = tensor<int32, [4]>([0, 0, 0, 0]), size = tensor<int32,
  [4]>([1, 1, 4, 12]), x = v109);
tensor<fp16, [1, 1, 4, 12]> v112 = slice_by_size(begin = tensor<int32, [4]>([0, 0, 4, 0]), size = tensor<int32,
  [4]>([1, 1, 4, 12]), x = v109);
tensor<fp16, [1, 1, 4, 12]> v113 = mul(x = v112, y = v1);
tensor<fp16, [1, 1, 4, 12]> v114 = mul(x = v112, y = v2);
tensor<fp16, [1, 1, 4, 12]> v115 = mul(x = v111, y = fp16(-0x1p+0));
tensor<fp16, [1, 1, 4, 12]> v116 = mul(x = v115, y = v1);
tensor<fp16, [1, 1, 4, 12]> v117 = add(x = v114, y = v116);
tensor<fp16, [1, 1, 4, 12]> v118 = mul(x = v111, y = v2);
tensor<fp16, [1, 1, 4, 12]> v119 = add(x = v113, y = v118);
tensor<fp16, [1, 1, 8, 12]> v120 = concat(axis = int32(2), interleave = bool(false), values = (v119, v117));
tensor<fp16, [1, 8, 1, 12]> v121 = reshape(shape = tensor<int32, [4]>([1, 8, 1, 12]), x = v120);
tensor<fp16, [1, 2, 8, 12]> v122 = mul(x = v107, y = fp16(0x1.6ap-2));
tensor<fp16, [1, 2, 4, 12]> v123 = slice_by_size(begin = tensor<int32, [4]>([0, 0, 0, 0]), size = tensor<int32,
  [4]>([1, 2, 4, 12]), x = v122);
tensor<fp16, [1, 2, 4, 12]> v124 = slice_by_size(begin = tensor<int32, [4]>([0, 0, 4, 0]), size = tensor<int32,
  [4]>([1, 2, 4, 12]), x = v122);
tensor<fp16, [1, 2, 4, 12]> v125 = mul(x = v124, y = v1);
tensor<fp16, [1, 2, 4, 12]> v126 = mul(x = v124, y = v2);
tensor<fp16, [1, 2, 4, 12]> v127 = mul(x = v123, y = fp16(-0x1p+0));
tensor<fp16, [1, 2, 4, 12]> v128 = mul(x = v127, y = v1);
tensor<fp16, [1, 2, 4, 12]> v129 = add(x = v126, y = v128);
tensor<fp16, [1, 2, 4, 12]> v130 = mul(x = v123, y = v2);
tensor<fp16, [1, 2, 4, 12]> v131 = add(x = v125, y = v130);
tensor<fp16, [1, 2, 8, 12]> v132 = concat(axis = int32(2), interleave = bool(false), values = (v131, v129));
tensor<fp16, [1, 16, 1, 12]> v133 = reshape(shape = tensor<int32, [4]>([1, 16, 1, 12]), x = v132);
tensor<fp16, [1, 1, 8, 16]> v134 = reshape(shape = tensor<int32, [4]>([1, 1, 8, 16]), x = v7);
tensor<fp16, [1, 1, 16, 12]> v135 = matmul(transpose_x = bool(true), transpose_y = bool(false), x = v134, y =
  v100);
tensor<fp16, [1, 16, 1, 12]> v136 = reshape(shape = tensor<int32, [4]>([1, 16, 1, 12]), x = v135);
tensor<fp16, [1, 1, 8, 16]> v137 = reshape(shape = tensor<int32, [4]>([1, 1, 8, 16]), x = v6);
tensor<fp16, [1, 1, 16, 12]> v138 = matmul(transpose_x = bool(true), transpose_y = bool(false), x = v137, y =
  v120);
tensor<fp16, [1, 16, 1, 12]> v139 = reshape(shape = tensor<int32, [4]>([1, 16, 1, 12]), x = v138);
tensor<fp16, [1, 16, 1, 12]> v140 = add(x = v136, y = v139);
tensor<fp16, [1, 1, 16, 12]> v141 = reshape(shape = tensor<int32, [4]>([1, 1, 16, 12]), x = v132);
tensor<fp16, [1, 1, 16, 16]> v142 = reshape(shape = tensor<int32, [4]>([1, 1, 16, 16]), x = v5);
tensor<fp16, [1, 1, 16, 12]> v143 = matmul(transpose_x = bool(true), transpose_y = bool(false), x = v142, y =
  v141);
tensor<fp16, [1, 16, 1, 12]> v144 = reshape(shape = tensor<int32, [4]>([1, 16, 1, 12]), x = v143);
tensor<fp16, [1, 16, 1, 12]> v145 = add(x = v140, y = v144);
tensor<fp16, [1, 16, 1, 12]> v146 = abs(x = v3);
tensor<fp16, [1, 1, 1, 12]> v147 = reduce_max(axes = tensor<int32, [1]>([1]), keep_dims = bool(true), x = v146);
tensor<fp16, [1, 1, 1, 12]> v148 = maximum(x = v147, y = fp16(0x1.9e8p-9));
tensor<fp16, [1, 1, 1, 12]> v149 = real_div(x = fp16(0x1p+1), y = v148);
tensor<fp16, [1, 1, 1, 12]> v150 = mul(x = v149, y = fp16(0x1.9e8p-9));
tensor<fp16, [1, 1, 1, 12]> v151 = mul(x = v150, y = v150);
tensor<fp16, [1, 16, 1, 12]> v152 = mul(x = v3, y = v149);
tensor<fp16, [1, 16, 1, 12]> v153 = mul(x = v152, y = v152);
tensor<fp16, [1, 1, 1, 12]> v154 = reduce_sum(axes = tensor<int32, [1]>([1]), keep_dims = bool(true), x = v153);
tensor<fp16, [1, 1, 1, 12]> v155 = mul(x = v154, y = fp16(0x1p-4));
tensor<fp16, [1, 1, 1, 12]> v156 = add(x = v155, y = v151);
tensor<fp16, [1, 1, 1, 12]> v157 = pow(x = v156, y = fp16(-0x1p-1));
tensor<fp16, [1, 16, 1, 12]> v158 = mul(x = v152, y = v157);
tensor<fp16, [1, 16, 1, 12]> v159 = mul(x = v145, y = v4);
tensor<fp16, [1, 16, 1, 12]> v160 = mul(x = v159, y = v157);
tensor<fp16, [1, 16, 1, 12]> v161 = mul(x = v159, y = v152);
tensor<fp16, [1, 1, 1, 12]> v162 = reduce_sum(axes = tensor<int32, [1]>([1]), keep_dims = bool(true), x = v161);
tensor<fp16, [1, 1, 1, 12]> v163 = mul(x = v162, y = fp16(-0x1p-1));
tensor<fp16, [1, 1, 1, 12]> v164 = mul(x = v163, y = v157);
tensor<fp16, [1, 1, 1, 12]> v165 = mul(x = v164, y = v157);
tensor<fp16, [1, 1, 1, 12]> v166 = mul(x = v165, y = v157);
tensor<fp16, [1, 1, 1, 12]> v167 = mul(x = v166, y = fp16(0x1p-4));
tensor<fp16, [1, 16, 1, 12]> v168 = mul(x = v167, y = v152);
tensor<fp16, [1, 16, 1, 12]> v169 = add(x = v160, y = v168);
tensor<fp16, [1, 16, 1, 12]> v170 = add(x = v169, y = v168);
tensor<fp16, [1, 16, 1, 12]> v171 = mul(x = v170, y = v149);
tensor<fp16, [1, 16, 1, 12]> v172 = add(x = v70, y = v171);
} -> (v172, v23, v28, v34, v56, v43, v70, v110, v121, v133, v158, v145);
}
)mil";
