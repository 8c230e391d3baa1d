// _ANEInMemoryModelDescriptor: a program's text and weights, named by their content.
#include "sim/framework.h"
#include "sim/method.h"
#include "sim/sha256.h"

namespace ane::sim {
namespace {

std::string HashOf(const Data* data) {
  Sha256 sum;
  if (data != nullptr) sum.Add(data->bytes.data(), data->bytes.size());
  return sum.Finish();
}

// Over path, offset and bytes of every file, in the order of the paths.
std::string HashOf(const Dictionary& weights) {
  Sha256 sum;
  for (const auto& [path, item] : weights.items) {
    const Dictionary* entry = As<Dictionary>(item);
    const auto data = entry->items.find("data"), offset = entry->items.find("offset");
    sum.Add(path);
    sum.Add("\n" + std::to_string(As<Number>(offset->second)->value) + "\n");
    const Data* bytes = As<Data>(data->second);
    sum.Add(std::to_string(bytes->bytes.size()) + "\n");
    sum.Add(bytes->bytes.data(), bytes->bytes.size());
  }
  return sum.Finish();
}

// Every entry must be {"offset": NSNumber, "data": NSData}.
bool CheckWeights(const Dictionary& weights) {
  for (const auto& [path, item] : weights.items) {
    const Dictionary* entry = Expect<Dictionary>(item, ("weights of " + path).c_str());
    if (entry == nullptr) return false;
    const auto data = entry->items.find("data"), offset = entry->items.find("offset");
    const bool complete = Expect<Data>(data == entry->items.end() ? nullptr : data->second,
                                       ("data of " + path).c_str()) != nullptr &&
                          Expect<Number>(offset == entry->items.end() ? nullptr : offset->second,
                                         ("offset of " + path).c_str()) != nullptr;
    if (!complete) return false;
  }
  return true;
}

Id ModelWithMilText(Class*, Id text, Id weights, Id options) {
  if (FaultDue(Call::kDescriptor)) return nullptr;
  const std::string c01 = "modelWithMILText: text (C-01)", c02 = "modelWithMILText: weights (C-02)";
  Data* bytes = Expect<Data>(text, c01.c_str());
  Dictionary* files = Expect<Dictionary>(weights, c02.c_str());
  Data* plist =
      options == nullptr ? nullptr : Expect<Data>(options, "modelWithMILText: optionsPlist");
  if (bytes == nullptr || files == nullptr || (options != nullptr && plist == nullptr) ||
      !CheckWeights(*files))
    return nullptr;
  std::string error;
  if (!ParseText(bytes->view(), &error)) {
    RecordFinding({"", "MIL text rejected: " + error, true});
    return nullptr;
  }
  Descriptor* made = Create<Descriptor>();
  Autorelease(made);
  made->text.Set(bytes);
  made->options.Set(plist);
  // A copy, as the framework's property is: later changes of the caller's dictionary have no
  // effect.
  Dictionary* copy = MakeDictionary();
  for (const auto& [path, item] : files->items) Put(copy, path, item);
  made->weights.Set(copy);
  made->text_hash = HashOf(bytes);
  made->options_hash = HashOf(plist);
  made->weights_hash = HashOf(*copy);
  return made;
}

Id HexStringIdentifier(Descriptor* self) { return MakeString(self->Hex()); }
Id NetworkTextHash(Descriptor* self) { return MakeString(self->text_hash); }
Id OptionsPlistHash(Descriptor* self) { return MakeString(self->options_hash); }
Id WeightsHash(Descriptor* self) { return MakeString(self->weights_hash); }
Id NetworkText(Descriptor* self) { return self->text.get(); }
Id OptionsPlist(Descriptor* self) { return self->options.get(); }
Id Weights(Descriptor* self) { return self->weights.get(); }
bool IsMilModel(Descriptor*) { return true; }
bool IsEqual(Descriptor* self, Id other) {
  const Descriptor* descriptor = As<Descriptor>(other);
  return descriptor != nullptr && descriptor->Hex() == self->Hex();
}

}  // namespace

std::string ModelFolder(const Descriptor& descriptor) {
  return TemporaryFolder() + descriptor.Hex();
}

void RegisterDescriptor() {
  Class* c = Register<Descriptor>("_ANEInMemoryModelDescriptor", kClass<Object>, true);
  AddClassMethod<ModelWithMilText>(c, "modelWithMILText:weights:optionsPlist:");
  Add<HexStringIdentifier>(c, "hexStringIdentifier");
  Add<NetworkTextHash>(c, "networkTextHash");
  Add<OptionsPlistHash>(c, "optionsPlistHash");
  Add<WeightsHash>(c, "weightsHash");
  Add<NetworkText>(c, "networkText");
  Add<OptionsPlist>(c, "optionsPlist");
  Add<Weights>(c, "weights");
  Add<IsMilModel>(c, "isMILModel");
  Add<IsEqual>(c, "isEqualToInMemoryModelDescriptor:");
}

}  // namespace ane::sim
