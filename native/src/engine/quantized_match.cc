#include "engine/quantized_match.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "engine/conv_geometry.h"
#include "engine/op_call.h"
#include "engine/scalar.h"
#include "kernels/gemm_kernels.h"

namespace ane::engine {
namespace {

// With fewer columns a product reads its constants from memory, not more slowly in another type.
constexpr int64_t kFewestColumns = 8;
// fp32 holds every whole number up to this one.
constexpr double kWholeNumbers = 0x1p+24;

bool Rounds(double x, Dtype dtype) {
  const double held = dtype == Dtype::kFp16 ? double(Fp16ToFp32(Fp16FromDouble(x))) : float(x);
  return held != x;
}

// The odd whole number that x is times a power of two; x is positive.
double OddPart(double x) {
  int exponent;
  double part = std::frexp(x, &exponent);
  while (part != std::floor(part)) part *= 2;
  return part;
}

bool Usable(double scale) { return std::isfinite(scale) && scale > 0; }

// Numbers of 8 bits at run time: scale · (code - zero_point).
struct Codes {
  int dequantize, value;
  double scale;
  int32_t zero_point, lowest;

  int32_t Largest() const {
    return std::max(std::abs(lowest - zero_point), std::abs(lowest + 255 - zero_point));
  }
  bool Rounded(Dtype dtype) const {
    for (int code = lowest; code < lowest + 256; ++code) {
      if (Rounds(scale * (code - zero_point), dtype)) return true;
    }
    return false;
  }
};

class Matcher {
 public:
  Matcher(const Function& function, bool exact)
      : function_(function), exact_(exact), producers_(Producers(function)) {}

  std::vector<QuantizedMatch> Run() const {
    std::vector<QuantizedMatch> found;
    for (size_t i = 0; i < function_.operations.size(); ++i) {
      if (std::optional<QuantizedMatch> match = At(int(i))) found.push_back(std::move(*match));
    }
    return found;
  }

 private:
  const Value& Of(int value) const { return function_.values[size_t(value)]; }

  std::optional<QuantizedMatch> At(int i) const {
    const Operation& operation = function_.operations[size_t(i)];
    const OpCall call(function_, operation);
    if (operation.op == "conv") return Convolution(i, call);
    if (operation.op == "linear") return Match(i, call.Id("weight"), 0, call.Id("x"), true);
    if (operation.op == "matmul") return MatrixProduct(i, call);
    return std::nullopt;
  }

  std::optional<QuantizedMatch> Convolution(int i, const OpCall& call) const {
    const Shape& weight = call.ShapeOf("weight");
    const ConvGeometry geometry = ReadGeometry(call, Shape(weight.begin() + 2, weight.end()));
    const Shape& strides = geometry.stride;
    const bool plain =
        ElementCount(weight, 2, weight.size()) == 1 && call.Int("groups", 1) == 1 &&
        !geometry.padded() &&
        std::all_of(strides.begin(), strides.end(), [](int64_t step) { return step == 1; });
    return plain ? Match(i, call.Id("weight"), 0, call.Id("x"), false) : std::nullopt;
  }

  std::optional<QuantizedMatch> MatrixProduct(int i, const OpCall& call) const {
    const int x = call.Id("x"), y = call.Id("y");
    const bool turn_x = call.Bool("transpose_x", false), turn_y = call.Bool("transpose_y", false);
    if (Of(y).affine && Of(y).type.shape.size() == 2 && !turn_x)
      return Match(i, y, turn_y ? 0 : 1, x, true);
    if (Of(x).affine && Of(x).type.shape.size() == 2 && !turn_y)
      return Match(i, x, turn_x ? 1 : 0, y, false);
    return std::nullopt;
  }

  // `rows` of the constant run along its dimension `axis`; dimensions behind the first two are 1.
  std::optional<QuantizedMatch> Match(int i, int rows, int axis, int columns, bool by_rows) const {
    const std::shared_ptr<const AffineConstant>& affine = Of(rows).affine;
    const std::optional<Codes> codes = CodesOf(columns);
    if (affine == nullptr || !codes) return std::nullopt;
    const Shape& shape = Of(columns).type.shape;
    const int64_t K = affine->data->type.shape[size_t(1 - axis)];
    if (shape.size() < 2 || K == 0 || ElementCount(shape) / K < kFewestColumns) return std::nullopt;
    if (exact_ && codes->Rounded(Of(columns).type.dtype)) return std::nullopt;
    QuantizedMatch match{i, codes->dequantize, codes->value, codes->zero_point, {}, {}, by_rows};
    return Pack(rows, axis, *codes, &match) ? std::optional(std::move(match)) : std::nullopt;
  }

  std::optional<Codes> CodesOf(int value) const {
    const int i = producers_[size_t(value)];
    if (i < 0 || function_.operations[size_t(i)].op != "dequantize") return std::nullopt;
    const OpCall call(function_, function_.operations[size_t(i)]);
    const Literal *scale = call.ConstantOrNull("scale"), *zero = call.ConstantOrNull("zero_point");
    const auto one = [](const Literal* literal) {
      return literal != nullptr && ElementCount(literal->type.shape) == 1;
    };
    if (!one(scale) || (call.Has("zero_point") && !one(zero)) || !Usable(call.Number("scale")))
      return std::nullopt;
    const int32_t lowest = call.Type("input").dtype == Dtype::kInt8 ? -128 : 0;
    return Codes{i, call.Id("input"), call.Number("scale"), int32_t(call.Number("zero_point", 0)),
                 lowest};
  }

  bool Pack(int value, int axis, const Codes& codes, QuantizedMatch* match) const {
    const AffineConstant& affine = *Of(value).affine;
    const std::vector<double> data = NumbersOf(*affine.data), scales = NumbersOf(*affine.scale),
                              zeros = NumbersOf(*affine.zero_point),
                              given = NumbersOf(*Of(value).literal);
    const bool per_row = affine.axis == axis;
    if ((scales.size() != 1 || zeros.size() != 1) && !per_row) return false;
    const Shape& shape = affine.data->type.shape;
    const int64_t M = shape[size_t(axis)], K = shape[size_t(1 - axis)];
    const int64_t row_step = axis == 0 ? K : 1, k_step = axis == 0 ? 1 : M;
    std::vector<int8_t> rows(size_t(M * K));
    std::vector<float> factors(size_t((M + kInt8Rows - 1) / kInt8Rows * kInt8Rows), 0);
    for (int64_t m = 0; m < M; ++m) {
      const double scale = scales[scales.size() == 1 ? 0 : size_t(m)];
      const double zero = zeros[zeros.size() == 1 ? 0 : size_t(m)];
      if (!Usable(scale)) return false;
      double sum = 0;
      for (int64_t k = 0; k < K; ++k) {
        const size_t at = size_t(m * row_step + k * k_step);
        const double number = data[at] - zero;
        if (number < -128 || number > 127 || number != std::floor(number)) return false;
        if (exact_ && given[at] != scale * number) return false;
        rows[size_t(m * K + k)] = int8_t(number);
        sum += std::fabs(number);
      }
      const double factor = scale * codes.scale;
      if (sum * kLargestInt8Term >= 0x1p+31 || !Usable(float(factor))) return false;
      if (exact_ && !Whole(sum * codes.Largest(), scale, codes.scale)) return false;
      factors[size_t(m)] = float(factor);
    }
    match->rows = std::make_shared<Int8Rows>(Int8Gemm(), rows.data(), M, K);
    match->scales = std::make_shared<std::vector<float>>(std::move(factors));
    return true;
  }

  // Whether fp32 holds every partial sum of products of both factors, and scales times it.
  static bool Whole(double sum, double scale, double other) {
    const double unit = scale * other;
    return OddPart(scale) * OddPart(other) * std::max(sum, 1.0) <= kWholeNumbers &&
           unit >= 0x1p-100 && unit <= 0x1p+100;
  }

  const Function& function_;
  const bool exact_;
  const std::vector<int> producers_;
};

}  // namespace

std::vector<QuantizedMatch> MatchQuantized(const Function& function, bool exact) {
  return Matcher(function, exact).Run();
}

}  // namespace ane::engine
