#include "sim/foundation.h"

#include "sim/export.h"
#include "sim/method.h"
#include "sim/surface.h"

namespace ane::sim {
namespace {

struct RootObject : Object {};

Id RetainSelf(Object* self) { return Retain(self); }
void ReleaseSelf(Object* self) { Release(self); }
Id AutoreleaseSelf(Object* self) { return Autorelease(self); }
uint64_t RetainCount(Object* self) { return uint64_t(self->references.load()); }
Class* ClassOfSelf(Object* self) { return self->isa; }
Class* ClassItself(Class* self) { return self; }
bool IsKindOfClass(Object* self, Class* of) { return IsKindOf(self, of); }
bool RespondsTo(Object* self, Sel selector) {
  return selector != nullptr && FindMethod(self->isa, selector) != nullptr;
}
Id Describe(Object* self) { return MakeString("<" + self->isa->name + ">"); }

Id StringWithUtf8(Class*, const char* text) {
  if (text != nullptr) return MakeString(text);
  RecordError("Expected text for stringWithUTF8String:, got NULL.");
  return nullptr;
}
const char* Utf8String(String* self) { return self->text.c_str(); }
uint64_t StringLength(String* self) { return self->text.size(); }
bool IsEqualToString(String* self, Id other) {
  const String* string = As<String>(other);
  return string != nullptr && string->text == self->text;
}
Id DescribeString(String* self) { return self; }

Id DataWithBytes(Class*, const void* bytes, uint64_t length) {
  if (bytes != nullptr || length == 0) return MakeData(bytes, length);
  RecordError("Expected bytes for dataWithBytes:length:, got NULL.");
  return nullptr;
}
const void* DataBytes(Data* self) { return self->bytes.data(); }
uint64_t DataLength(Data* self) { return self->bytes.size(); }

Id NumberWithInt(Class*, int32_t value) { return MakeNumber(value); }
Id NumberWithUnsigned(Class*, uint64_t value) { return MakeNumber(int64_t(value)); }
uint64_t UnsignedLongLongValue(Number* self) { return uint64_t(self->value); }
int64_t LongLongValue(Number* self) { return self->value; }
int32_t IntValue(Number* self) { return int32_t(self->value); }
uint32_t UnsignedIntValue(Number* self) { return uint32_t(self->value); }

Id NewArray(Class*) { return MakeArray(); }
void AddObject(Array* self, Id item) {
  if (IsLive(item)) return Append(self, item);
  RecordError("Expected an object for addObject:, got nil or one that no longer exists.");
}
uint64_t ArrayCount(Array* self) { return self->items.size(); }
Id ObjectAtIndex(Array* self, uint64_t index) {
  if (index < self->items.size()) return self->items[index];
  RecordError("Expected an index below " + std::to_string(self->items.size()) +
              " for objectAtIndex:, got " + std::to_string(index) + ".");
  return nullptr;
}

Id NewDictionary(Class*) { return MakeDictionary(); }
void SetObject(Dictionary* self, Id item, Id key) {
  const String* name = Expect<String>(key, "setObject:forKey: key");
  if (name == nullptr) return;
  if (IsLive(item)) return Put(self, name->text, item);
  RecordError("Expected an object for setObject:forKey:, got nil or one that no longer exists.");
}
Id ObjectForKey(Dictionary* self, Id key) {
  const String* name = Expect<String>(key, "objectForKey:");
  const auto found = name == nullptr ? self->items.end() : self->items.find(name->text);
  return found == self->items.end() ? nullptr : found->second;
}
uint64_t DictionaryCount(Dictionary* self) { return self->items.size(); }
Id AllKeys(Dictionary* self) {
  Array* keys = MakeArray();
  for (const auto& [key, item] : self->items) Append(keys, MakeString(key));
  return keys;
}

Id LocalizedDescription(Error* self) { return MakeString(self->description); }
Id Domain(Error* self) { return MakeString(self->domain); }
int64_t Code(Error* self) { return self->code; }
Id UserInfo(Error*) { return MakeDictionary(); }

template <typename T>
T* Pooled(T* made) {
  Autorelease(made);
  return made;
}

}  // namespace

String* MakeString(std::string_view text) {
  String* made = Pooled(Create<String>());
  made->text = text;
  return made;
}
Data* MakeData(const void* bytes, size_t length) {
  Data* made = Pooled(Create<Data>());
  if (length > 0)
    made->bytes.assign(static_cast<const uint8_t*>(bytes),
                       static_cast<const uint8_t*>(bytes) + length);
  return made;
}
Number* MakeNumber(int64_t value) {
  Number* made = Pooled(Create<Number>());
  made->value = value;
  return made;
}
Array* MakeArray() { return Pooled(Create<Array>()); }
Dictionary* MakeDictionary() { return Pooled(Create<Dictionary>()); }

void Append(Array* array, Id item) { array->items.push_back(Retain(item)); }
void Put(Dictionary* dictionary, const std::string& key, Id item) {
  Id& place = dictionary->items[key];
  Id before = place;
  place = Retain(item);
  Release(before);
}

bool Fails(Id* error, const std::string& domain, int64_t code, const std::string& description) {
  Count([](Counters& counters) { ++counters.failures; });
  if (error == nullptr) return false;
  Error* made = Pooled(Create<Error>());
  made->domain = domain;
  made->code = code;
  made->description = description;
  *error = made;
  return false;
}

template <typename T>
T* Expect(Id object, const char* argument) {
  if (T* found = As<T>(object)) return found;
  const std::string got = object == nullptr ? "nil"
                          : IsLive(object)  ? object->isa->name
                                            : "an object that no longer exists";
  RecordError("Expected " + kClass<T>->name + " for " + argument + ", got " + got + ".");
  return nullptr;
}
template String* Expect<String>(Id, const char*);
template Data* Expect<Data>(Id, const char*);
template Number* Expect<Number>(Id, const char*);
template Array* Expect<Array>(Id, const char*);
template Dictionary* Expect<Dictionary>(Id, const char*);
template Surface* Expect<Surface>(Id, const char*);

void RegisterFoundation() {
  Class* root = Register<RootObject>("NSObject", nullptr);
  kClass<Object> = root;
  Add<RetainSelf>(root, "retain");
  Add<ReleaseSelf>(root, "release");
  Add<AutoreleaseSelf>(root, "autorelease");
  Add<RetainCount>(root, "retainCount");
  Add<ClassOfSelf>(root, "class");
  Add<IsKindOfClass>(root, "isKindOfClass:");
  Add<RespondsTo>(root, "respondsToSelector:");
  Add<Describe>(root, "description");
  AddClassMethod<ClassItself>(root, "class");

  Class* string = Register<String>("NSString", root);
  AddClassMethod<StringWithUtf8>(string, "stringWithUTF8String:");
  Add<Utf8String>(string, "UTF8String");
  Add<StringLength>(string, "length");
  Add<IsEqualToString>(string, "isEqualToString:");
  Add<DescribeString>(string, "description");

  Class* data = Register<Data>("NSData", root);
  AddClassMethod<DataWithBytes>(data, "dataWithBytes:length:");
  Add<DataBytes>(data, "bytes");
  Add<DataLength>(data, "length");

  Class* number = Register<Number>("NSNumber", root);
  AddClassMethod<NumberWithInt>(number, "numberWithInt:");
  AddClassMethod<NumberWithUnsigned>(number, "numberWithUnsignedLongLong:");
  Add<UnsignedLongLongValue>(number, "unsignedLongLongValue");
  Add<LongLongValue>(number, "longLongValue");
  Add<IntValue>(number, "intValue");
  Add<UnsignedIntValue>(number, "unsignedIntValue");

  // One kind serves both names: an NSMutableArray is an NSArray.
  Class* array = Register<Array>("NSArray", root);
  AddClassMethod<NewArray>(array, "array");
  Add<ArrayCount>(array, "count");
  Add<ObjectAtIndex>(array, "objectAtIndex:");
  Add<AddObject>(array, "addObject:");
  RegisterClass("NSMutableArray", array, false, array->destroy);

  Class* dictionary = Register<Dictionary>("NSDictionary", root);
  AddClassMethod<NewDictionary>(dictionary, "dictionary");
  Add<ObjectForKey>(dictionary, "objectForKey:");
  Add<DictionaryCount>(dictionary, "count");
  Add<AllKeys>(dictionary, "allKeys");
  Add<SetObject>(dictionary, "setObject:forKey:");
  RegisterClass("NSMutableDictionary", dictionary, false, dictionary->destroy);

  Class* error = Register<Error>("NSError", root);
  Add<LocalizedDescription>(error, "localizedDescription");
  Add<Domain>(error, "domain");
  Add<Code>(error, "code");
  Add<UserInfo>(error, "userInfo");
}

}  // namespace ane::sim

extern "C" ANE_SIM_EXPORT ane::sim::Id NSTemporaryDirectory() noexcept {
  return ane::sim::MakeString(ane::sim::TemporaryFolder());
}
