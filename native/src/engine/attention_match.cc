#include "engine/attention_match.h"

#include <algorithm>

#include "engine/op_call.h"
#include "engine/probability_panels.h"
#include "engine/scalar.h"

namespace ane::engine {
namespace {

// result[i, j] = sum over k of left[i, k] · right[j, k].
struct Product {
  MatrixValue left, right;
  int result;
};

MatrixValue Flip(MatrixValue m) { return {m.value, !m.flipped}; }

class Matcher {
 public:
  explicit Matcher(const Function& function)
      : function_(function), readers_(function.values.size()), producers_(Producers(function)) {
    for (size_t i = 0; i < function.operations.size(); ++i) {
      for (const Operand& operand : function.operations[i].operands) {
        for (int value : operand.values) readers_[size_t(value)].push_back(int(i));
      }
    }
    for (int output : function.outputs) readers_[size_t(output)].push_back(kOutside);
  }

  std::vector<AttentionMatch> Run() {
    std::vector<AttentionMatch> found;
    for (size_t i = 0; i < function_.operations.size(); ++i) {
      if (function_.operations[i].op != "softmax") continue;
      if (std::optional<AttentionMatch> match = Around(int(i))) found.push_back(std::move(*match));
    }
    return found;
  }

 private:
  static constexpr int kOutside = -1;

  const Operation& At(int i) const { return function_.operations[size_t(i)]; }
  bool Is(int i, std::string_view op) const { return i != kOutside && At(i).op == op; }
  int Result(int i) const { return At(i).results[0]; }
  const TensorType& Type(int value) const { return function_.values[size_t(value)].type; }
  bool OnlyReader(int value, int reader) const {
    const std::vector<int>& readers = readers_[size_t(value)];
    return std::all_of(readers.begin(), readers.end(), [&](int r) { return r == reader; });
  }
  // The one operation that reads a value, else kOutside.
  int Reader(int value) const {
    const std::vector<int>& readers = readers_[size_t(value)];
    return !readers.empty() && OnlyReader(value, readers[0]) ? readers[0] : kOutside;
  }

  // A matmul of matrices, all of one type.
  std::optional<Product> ProductAt(int i) const {
    if (!Is(i, "matmul")) return std::nullopt;
    const OpCall call(function_, At(i));
    const Dtype dtype = call.Type("x").dtype;
    const bool plain = IsFloat(dtype) && call.Type("y").dtype == dtype &&
                       call.ShapeOf("x").size() >= 2 && call.ShapeOf("y").size() >= 2 &&
                       ElementCount(call.ShapeOf("x")) > 0 && ElementCount(call.ShapeOf("y")) > 0;
    if (!plain) return std::nullopt;
    return Product{{call.Id("x"), call.Bool("transpose_x", false)},
                   {call.Id("y"), !call.Bool("transpose_y", false)},
                   Result(i)};
  }

  // The other factor [.., own columns, size] of a product that sums over the last dimension of
  // `own` (over the one before with `flipped`), and its result [.., own rows, size].
  struct Side {
    MatrixValue other, result;
  };
  std::optional<Side> Beside(int i, int own, bool flipped) const {
    const std::optional<Product> product = ProductAt(i);
    if (!product || product->left.value == product->right.value) return std::nullopt;
    const bool left = product->left.value == own;
    const MatrixValue& self = left ? product->left : product->right;
    if (self.value != own || self.flipped != flipped) return std::nullopt;
    return Side{Flip(left ? product->right : product->left), {product->result, !left}};
  }

  // x · y or x + y with one of them `own`; the other.
  std::optional<int> Partner(int i, std::string_view op, int own) const {
    if (!Is(i, op)) return std::nullopt;
    const OpCall call(function_, At(i));
    const int x = call.Id("x"), y = call.Id("y");
    if (x == y || (x != own && y != own)) return std::nullopt;
    return x == own ? y : x;
  }
  std::optional<float> Factor(int i, int own) const {
    const std::optional<int> other = Partner(i, "mul", own);
    if (!other) return std::nullopt;
    const std::shared_ptr<const Literal>& literal = function_.values[size_t(*other)].literal;
    if (literal == nullptr || ElementCount(literal->type.shape) != 1 ||
        !IsFloat(literal->type.dtype))
      return std::nullopt;
    const float factor = float(NumbersOf(*literal)[0]);
    return std::isfinite(factor) ? std::optional(factor) : std::nullopt;
  }

  // From the products of queries and keys to the probabilities.
  bool Scores(int softmax, AttentionMatch* match) const {
    const OpCall call(function_, At(softmax));
    const size_t rank = call.ShapeOf("x").size();
    if (rank < 2 || call.Axis(call.Int("axis", -1), rank, "axis") != int(rank) - 1) return false;
    int value = call.Id("x"), reader = softmax;
    const Shape shape = Type(value).shape;
    const Dtype dtype = Type(value).dtype;
    const auto step_back = [&](std::string_view op) {
      const int i = producers_[size_t(value)];
      if (i == kOutside || !Is(i, op) || !OnlyReader(value, reader)) return kOutside;
      return i;
    };
    match->operations.push_back(softmax);
    if (const int add = step_back("add"); add != kOutside) {
      const OpCall sum(function_, At(add));
      const int x = sum.Id("x"), y = sum.Id("y");
      const auto computed = [&](int v) {
        const int i = producers_[size_t(v)];
        return Type(v).shape == shape && (Is(i, "matmul") || Is(i, "mul"));
      };
      if (x == y || (!computed(x) && !computed(y))) return false;
      value = computed(x) ? x : y;
      match->mask = value == x ? y : x;
      if (!IsFloat(Type(match->mask).dtype)) return false;
      match->operations.push_back(reader = add);
    }
    if (const int mul = step_back("mul"); mul != kOutside) {
      const OpCall scaled(function_, At(mul));
      const int x = scaled.Id("x"), y = scaled.Id("y");
      value = Type(x).shape == shape ? x : y;
      match->scale = Factor(mul, value);
      if (!match->scale) return false;
      match->operations.push_back(reader = mul);
    }
    const int matmul = step_back("matmul");
    const std::optional<Product> product = ProductAt(matmul);
    if (!product || Type(value).shape != shape || Type(value).dtype != dtype) return false;
    match->query = product->left;
    match->key = product->right;
    match->operations.push_back(matmul);
    return true;
  }

  std::optional<AttentionMatch> Around(int softmax) const {
    AttentionMatch match;
    if (!Scores(softmax, &match)) return std::nullopt;
    const int weights = Result(softmax);
    if (const int reader = Reader(weights); reader != kOutside) {
      const std::optional<Side> mixed = Beside(reader, weights, false);
      if (!mixed) return std::nullopt;
      match.value = mixed->other;
      match.out = mixed->result;
      match.operations.push_back(reader);
    } else if (!Gradient(weights, &match)) {
      return std::nullopt;
    }
    std::sort(match.operations.begin(), match.operations.end());
    return SameBatch(match) ? std::optional(match) : std::nullopt;
  }

  // d_value = Pᵀ · change; D = change · valueᵀ; G = (D - sum(D · P)) · P; d_query = G · key;
  // d_key = Gᵀ · query.
  bool Gradient(int weights, AttentionMatch* match) const {
    AttentionGradientMatch gradient;
    int by_value = kOutside, sub = kOutside, weighted = kOutside, scored = kOutside;
    const std::vector<int>& readers = readers_[size_t(weights)];
    if (readers.size() != 3) return false;
    for (int reader : readers) {
      if (reader == kOutside) return false;
      if (const auto side = Beside(reader, weights, true)) {
        by_value = reader;
        gradient.change_of_value = side->other;
        gradient.d_value = side->result;
      } else if (const auto other = Partner(reader, "mul", weights)) {
        const int from = producers_[size_t(*other)];
        if (Is(from, "sub")) {
          sub = from;
          scored = reader;
        } else {
          weighted = reader;
        }
      }
    }
    if (by_value == kOutside || sub == kOutside || weighted == kOutside) return false;
    // D is read by the product with the probabilities and by the subtraction only.
    const int change = *Partner(weighted, "mul", weights);
    const OpCall difference(function_, At(sub));
    const int mean = difference.Id("y"), sum = producers_[size_t(mean)];
    const std::vector<int>& uses = readers_[size_t(change)];
    const bool chained =
        difference.Id("x") == change && uses.size() == 2 &&
        std::count(uses.begin(), uses.end(), sub) == 1 &&
        std::count(uses.begin(), uses.end(), weighted) == 1 && Is(sum, "reduce_sum") &&
        SumsRows(sum, Result(weighted)) && OnlyReader(Result(weighted), sum) &&
        OnlyReader(mean, sub) && OnlyReader(Result(sub), scored) &&
        Type(change).shape == Type(weights).shape && Type(change).dtype == Type(weights).dtype;
    const int by_change = chained ? producers_[size_t(change)] : kOutside;
    const std::optional<Product> changes = ProductAt(by_change);
    if (!changes) return false;
    gradient.change = changes->left;
    match->value = changes->right;
    match->operations.insert(match->operations.end(),
                             {by_value, by_change, weighted, sum, sub, scored});
    match->gradient = gradient;
    return GradientProducts(Result(scored), match);
  }

  bool SumsRows(int sum, int operand) const {
    const OpCall call(function_, At(sum));
    const int64_t rank = int64_t(call.ShapeOf("x").size());
    if (call.Id("x") != operand || !call.Bool("keep_dims", false) || !call.Has("axes"))
      return false;
    const std::vector<int64_t> axes = call.Ints("axes");
    return axes.size() == 1 && (axes[0] == rank - 1 || axes[0] == -1);
  }

  bool GradientProducts(int scores, AttentionMatch* match) const {
    if (match->scale) {
      const int scaled = Reader(scores);
      if (scaled == kOutside || Factor(scaled, scores) != match->scale) return false;
      match->operations.push_back(scaled);
      scores = Result(scaled);
    }
    const std::vector<int>& readers = readers_[size_t(scores)];
    if (readers.size() != 2) return false;
    AttentionGradientMatch& gradient = *match->gradient;
    for (int reader : readers) {
      if (const auto by_keys = Beside(reader, scores, false)) {
        gradient.key_of_query = by_keys->other;
        gradient.d_query = by_keys->result;
      } else if (const auto by_rows = Beside(reader, scores, true)) {
        gradient.query_of_key = by_rows->other;
        gradient.d_key = by_rows->result;
      } else {
        return false;
      }
      match->operations.push_back(reader);
    }
    return gradient.d_query.value >= 0 && gradient.d_key.value >= 0 && SuitsPanels(*match);
  }

  bool SuitsPanels(const AttentionMatch& match) const {
    const auto size = [&](const MatrixValue& m, bool columns) {
      return Type(m.value).shape.end()[columns != m.flipped ? -1 : -2];
    };
    return ProbabilityPanels::Suit(size(match.query, false), size(match.key, false),
                                   size(match.query, true), size(match.value, true));
  }

  // Every result has the batch of the probabilities, so that operands broadcast to that alone.
  bool SameBatch(const AttentionMatch& match) const {
    const auto batch = [&](const MatrixValue& m) {
      const Shape& shape = Type(m.value).shape;
      return Shape(shape.begin(), shape.end() - 2);
    };
    const int softmax = *std::find_if(match.operations.begin(), match.operations.end(),
                                      [&](int i) { return Is(i, "softmax"); });
    const Shape whole = batch({Result(softmax), false});
    std::vector<MatrixValue> results = {match.out};
    if (match.gradient)
      results = {match.gradient->d_query, match.gradient->d_key, match.gradient->d_value};
    return std::all_of(results.begin(), results.end(),
                       [&](const MatrixValue& m) { return batch(m) == whole; });
  }

  const Function& function_;
  std::vector<std::vector<int>> readers_;  // per value; kOutside for the caller of the function
  const std::vector<int> producers_;
};

}  // namespace

std::vector<AttentionMatch> MatchAttention(const Function& function) {
  return Matcher(function).Run();
}

}  // namespace ane::engine
