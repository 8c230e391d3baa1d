#include "engine/lowering.h"

#include <algorithm>
#include <unordered_map>

#include "engine/attention_emit.h"
#include "engine/copy.h"
#include "engine/fused_loop.h"
#include "engine/fusion.h"
#include "engine/quantized_emit.h"
#include "engine/reducing_emit.h"
#include "engine/scalar_loop.h"

namespace ane::engine {
namespace {

constexpr int kMaxChain = 8;  // views looked through when choosing a destination

bool IsPermutation(const Operation& operation) { return operation.op == "transpose"; }

}  // namespace

Lowering::Lowering(const Function& function, bool exact, Plan* plan)
    : function_(function),
      exact_(exact),
      plan_(plan),
      groups_(function, exact),
      places_(function.values.size()),
      destinations_(function.values.size()),
      producers_(function.values.size(), nullptr) {
  for (const Operation& operation : function.operations) {
    for (int result : operation.results) producers_[size_t(result)] = &operation;
  }
}

void Lowering::Run() {
  for (size_t i = 0; i < function_.inputs.size(); ++i) {
    const int id = function_.inputs[i];
    const TensorType& type = function_.values[size_t(id)].type;
    places_[size_t(id)] =
        DenseView(plan_->AddBuffer({BufferKind::kInput, i, 0, nullptr, 0}), type.dtype, type.shape);
  }
  std::vector<View> outputs;
  for (size_t i = 0; i < function_.outputs.size(); ++i) {
    const int id = function_.outputs[i];
    const TensorType& type = function_.values[size_t(id)].type;
    outputs.push_back(DenseView(plan_->AddBuffer({BufferKind::kOutput, i, 0, nullptr, 0}),
                                type.dtype, type.shape));
    Propose(id, outputs.back());
  }
  ChooseDestinations();
  for (const std::vector<int>& group : groups_.all()) LowerGroup(group);
  for (size_t i = 0; i < outputs.size(); ++i) {
    const View& place = In(function_.outputs[i]);
    if (!SamePlace(place, outputs[i])) EmitCopy(place, outputs[i]);
  }
  plan_->Finish();
}

void Lowering::Propose(int value, std::optional<View> destination) {
  std::optional<View>& current = destinations_[size_t(value)];
  if (!current && producers_[size_t(value)] != nullptr) current = std::move(destination);
}

void Lowering::ChooseDestinations() {
  for (size_t i = function_.operations.size(); i-- > 0;) {
    const Operation& operation = function_.operations[i];
    if (operation.row->piece != nullptr) ProposeForPieces(operation);
    if (operation.row->inverse != nullptr) ProposeForView(operation);
  }
}

void Lowering::ProposeForView(const Operation& operation) {
  const OpCall call(function_, operation);
  subject_ = call.Result();
  std::optional<View>& destination = destinations_[size_t(call.Result())];
  if (!destination) {
    // A reshape behind a transpose would need a copy; when the value at the start of the chain is
    // computed and lies nowhere yet, it is written in the final order instead.
    bool permuted = false;
    int value = ViewedOperand(call);
    for (int step = 0; step < kMaxChain; ++step) {
      const Operation* producer = producers_[size_t(value)];
      if (producer == nullptr || destinations_[size_t(value)]) return;
      if (producer->row->inverse == nullptr) {
        if (!permuted || producer->row->view != nullptr) return;
        const TensorType& type = call.TypeOf(call.Result());
        destination = Temp(type.dtype, type.shape);
        break;
      }
      permuted = permuted || IsPermutation(*producer);
      value = ViewedOperand(OpCall(function_, *producer));
    }
  }
  if (destination) Propose(ViewedOperand(call), operation.row->inverse(call, *destination));
}

void Lowering::ProposeForPieces(const Operation& operation) {
  const OpCall call(function_, operation);
  std::optional<View>& destination = destinations_[size_t(call.Result())];
  const TensorType& type = call.TypeOf(call.Result());
  subject_ = call.Result();
  if (!destination) destination = Temp(type.dtype, type.shape);
  const std::vector<int>& values = call.Ids("values");
  for (size_t k = 0; k < values.size(); ++k)
    Propose(values[k], operation.row->piece(call, *destination, k));
}

const View& Lowering::In(int value) {
  std::optional<View>& place = places_[size_t(value)];
  if (!place) {
    const Value& v = function_.values[size_t(value)];
    place = DenseView(plan_->AddBuffer({BufferKind::kConstant, 0, 0, v.literal, 0}), v.type.dtype,
                      v.type.shape);
  }
  return *place;
}

const View& Lowering::Out(int value) {
  std::optional<View>& place = places_[size_t(value)];
  const TensorType& type = function_.values[size_t(value)].type;
  if (!place) {
    subject_ = value;
    const std::optional<View>& destination = destinations_[size_t(value)];
    place = destination ? *destination : Temp(type.dtype, type.shape);
  }
  return *place;
}

View Lowering::Temp(Dtype dtype, const Shape& shape) {
  const size_t bytes = size_t(ElementCount(shape)) * SizeOf(dtype);
  std::string what = function_.values[size_t(subject_)].name + " " + TypeText({dtype, 0, shape});
  return DenseView(plan_->AddBuffer({BufferKind::kScratch, 0, bytes, nullptr, 0, std::move(what)}),
                   dtype, shape);
}

void Lowering::Emit(const std::vector<View>& views, NodeBody run) {
  Node node;
  for (const View& view : views) {
    if (std::find(node.buffers.begin(), node.buffers.end(), view.buffer) == node.buffers.end()) {
      node.buffers.push_back(view.buffer);
    }
  }
  node.run = std::move(run);
  plan_->AddNode(std::move(node));
}

void Lowering::EmitCopy(const View& from, const View& to) {
  Emit({from, to}, [copy = Copy(from, to)](const RunContext& context) -> const char* {
    copy.Run(context);
    return nullptr;
  });
}

void Lowering::LowerGroup(const std::vector<int>& group) {
  const Operation& first = function_.operations[size_t(group[0])];
  subject_ = function_.operations[size_t(group.back())].results[0];
  if (const AttentionMatch* match = groups_.AttentionOf(group)) return EmitMatch(*this, *match);
  if (const QuantizedMatch* match = groups_.QuantizedOf(group[0]))
    return EmitQuantized(OpCall(function_, first), *match, *this);
  if (const ReducingMatch* match = groups_.ReducingOf(group)) {
    if (EmitReducing(*this, function_, groups_, *match)) return;
    groups_.StoreAll(group);
    for (int i : group) LowerGroup({i});
    return;
  }
  if (groups_.IsUnread(group[0])) return;
  if (!IsFusable(function_, first)) return LowerOperation(first);
  FusedLoop loop(function_.values[size_t(first.results[0])].type.shape, exact_);
  std::unordered_map<int, int> numbers;  // value id to loop value
  const auto read = [&](int id, const Operation& operation, std::string_view name) {
    if (const auto found = numbers.find(id); found != numbers.end()) return found->second;
    const Value& value = function_.values[size_t(id)];
    const bool scalar = value.literal != nullptr && ElementCount(value.type.shape) == 1;
    const View place = scalar ? View{} : ChannelOperand(OpCall(function_, operation), name, In(id));
    const int number = scalar ? loop.Splat(float(NumbersOf(*value.literal)[0])) : loop.Load(place);
    numbers.emplace(id, number);
    return number;
  };
  for (int i : group) {
    const Operation& operation = function_.operations[size_t(i)];
    const OpCall call(function_, operation);
    std::vector<int> operands;
    for (std::string_view name : ElementwiseOperands(operation.row->elementwise)) {
      operands.push_back(read(call.Id(name), operation, name));
    }
    const int result = call.Result();
    numbers[result] = loop.Apply(ReadElementwise(operation.row->elementwise, call), operands,
                                 call.TypeOf(result).dtype);
    if (groups_.IsStored(result)) loop.Store(numbers[result], Out(result));
  }
  if (!loop.Finish()) {
    // Too many values alive at once: halves of the group run one after the other.
    const auto middle = group.begin() + int64_t(group.size() / 2);
    groups_.StoreAll(group);
    LowerGroup({group.begin(), middle});
    return LowerGroup({middle, group.end()});
  }
  const std::vector<View> views = loop.views();
  Emit(views, [loop = std::move(loop)](const RunContext& context) { return loop.Run(context); });
}

void Lowering::LowerOperation(const Operation& operation) {
  const OpRow& row = *operation.row;
  if (row.view != nullptr) return LowerView(operation);
  if (row.piece != nullptr) return LowerPieces(operation);
  const OpCall call(function_, operation);
  if (row.elementwise != Elementwise::kNone) return LowerScalarLoop(call, *this);
  row.lower(call, *this);
}

void Lowering::LowerView(const Operation& operation) {
  const OpCall call(function_, operation);
  const View x = In(ViewedOperand(call));
  for (size_t k = 0; k < operation.results.size(); ++k) {
    const int result = operation.results[k];
    const std::optional<View> view = operation.row->view(call, x, k);
    const std::optional<View>& destination = destinations_[size_t(result)];
    if (view && (!destination || SamePlace(*view, *destination))) {
      places_[size_t(result)] = *view;
      continue;
    }
    if (!view && operation.row->lower != nullptr) return operation.row->lower(call, *this);
    const View target = Out(result);
    if (view) {
      EmitCopy(*view, target);
    } else if (const std::optional<View> back = Reshaped(target, x.shape)) {
      EmitCopy(x, *back);
    } else {
      const View dense = Temp(x.dtype, x.shape);
      EmitCopy(x, dense);
      EmitCopy(*Reshaped(dense, target.shape), target);
    }
  }
}

void Lowering::LowerPieces(const Operation& operation) {
  const OpCall call(function_, operation);
  const View whole = Out(call.Result());
  const std::vector<int>& values = call.Ids("values");
  for (size_t k = 0; k < values.size(); ++k) {
    const View piece = operation.row->piece(call, whole, k);
    if (!SamePlace(In(values[k]), piece)) EmitCopy(In(values[k]), piece);
  }
}

}  // namespace ane::engine
