#include "ane/method_table.h"

#include <cctype>
#include <cstring>

namespace ane {
namespace {

enum class Kind { kClass, kInstance };

struct Expected {
  Call call;
  const char* class_name;
  Kind kind;
  const char* selector;
  const char* types;  // as PlainEncoding writes it; empty for public classes, whose headers are a promise
  bool required;
  const char* evidence;
};

constexpr const char* kPublic = "public Foundation";
// Public projects drive these on M1 to M5 and macOS 15 to 27; argument types from runtime metadata of April 2026.
constexpr const char* kProven = "runtime metadata; compiles and evaluates on M1 to M5";
constexpr const char* kMetadata = "runtime metadata; constructed on M5, seen to stay empty on M3 Pro";
constexpr const char* kIdentity = "runtime metadata; printed by public probes on M3 Pro and M5";

constexpr Expected kExpected[] = {
    {Call::kStringWithUtf8, "NSString", Kind::kClass, "stringWithUTF8String:", "", true, kPublic},
    {Call::kStringUtf8, "NSString", Kind::kInstance, "UTF8String", "", true, kPublic},
    {Call::kDataWithBytes, "NSData", Kind::kClass, "dataWithBytes:length:", "", true, kPublic},
    {Call::kNumberWithInt, "NSNumber", Kind::kClass, "numberWithInt:", "", true, kPublic},
    {Call::kNumberWithUnsigned, "NSNumber", Kind::kClass, "numberWithUnsignedLongLong:", "", true, kPublic},
    {Call::kArray, "NSMutableArray", Kind::kClass, "array", "", true, kPublic},
    {Call::kArrayAdd, "NSMutableArray", Kind::kInstance, "addObject:", "", true, kPublic},
    {Call::kDictionary, "NSMutableDictionary", Kind::kClass, "dictionary", "", true, kPublic},
    {Call::kDictionarySet, "NSMutableDictionary", Kind::kInstance, "setObject:forKey:", "", true, kPublic},
    {Call::kErrorDescription, "NSError", Kind::kInstance, "localizedDescription", "", true, kPublic},
    {Call::kErrorDomain, "NSError", Kind::kInstance, "domain", "", true, kPublic},
    {Call::kErrorCode, "NSError", Kind::kInstance, "code", "", true, kPublic},
    {Call::kDescriptorWithText, "_ANEInMemoryModelDescriptor", Kind::kClass,
     "modelWithMILText:weights:optionsPlist:", "@@:@@@", true, kProven},
    {Call::kModelWithDescriptor, "_ANEInMemoryModel", Kind::kClass, "inMemoryModelWithDescriptor:", "@@:@", true,
     kProven},
    {Call::kModelIdentifier, "_ANEInMemoryModel", Kind::kInstance, "hexStringIdentifier", "@@:", true, kProven},
    // Quality of service is a 32-bit unsigned argument; passing 64 bits works by luck only.
    {Call::kModelCompile, "_ANEInMemoryModel", Kind::kInstance, "compileWithQoS:options:error:", "B@:I@^@", true,
     kProven},
    {Call::kModelLoad, "_ANEInMemoryModel", Kind::kInstance, "loadWithQoS:options:error:", "B@:I@^@", true, kProven},
    {Call::kModelEvaluate, "_ANEInMemoryModel", Kind::kInstance, "evaluateWithQoS:options:request:error:", "B@:I@@^@",
     true, kProven},
    {Call::kModelUnload, "_ANEInMemoryModel", Kind::kInstance, "unloadWithQoS:error:", "B@:I^@", true, kProven},
    {Call::kRequestWith, "_ANERequest", Kind::kClass,
     "requestWithInputs:inputIndices:outputs:outputIndices:weightsBuffer:perfStats:procedureIndex:", "@@:@@@@@@@", true,
     kProven},
    {Call::kSurfaceObject, "_ANEIOSurfaceObject", Kind::kClass, "objectWithIOSurface:", "@@:^", true, kProven},
    {Call::kSetPerfStatsMask, "_ANEInMemoryModel", Kind::kInstance, "setPerfStatsMask:", "v@:I", false, kMetadata},
    {Call::kStatsWithTime, "_ANEPerformanceStats", Kind::kClass, "statsWithHardwareExecutionNS:", "@@:Q", false,
     kMetadata},
    {Call::kRequestStats, "_ANERequest", Kind::kInstance, "perfStats", "@@:", false, kMetadata},
    {Call::kStatsTime, "_ANEPerformanceStats", Kind::kInstance, "hwExecutionTime", "Q@:", false, kMetadata},
    {Call::kHasAne, "_ANEDeviceInfo", Kind::kClass, "hasANE", "B@:", false, kIdentity},
    {Call::kAneSubType, "_ANEDeviceInfo", Kind::kClass, "aneSubType", "@@:", false, kIdentity},
    {Call::kAneCores, "_ANEDeviceInfo", Kind::kClass, "numANECores", "I@:", false, kIdentity},
    {Call::kBuildVersion, "_ANEDeviceInfo", Kind::kClass, "buildVersion", "@@:", false, kIdentity},
};
static_assert(std::size(kExpected) == static_cast<size_t>(Call::kCount));

std::string NameOf(const Expected& row) {
  return std::string(row.kind == Kind::kClass ? "+[" : "-[") + row.class_name + " " + row.selector + "]";
}

struct Found {
  ObjcClass class_object = nullptr;
  Selector selector = nullptr;  // set when the class has the method
  std::string types;
};

Found Find(const ObjcRuntime& objc, const Expected& row) {
  Found found;
  found.class_object = objc.get_class(row.class_name);
  if (found.class_object == nullptr) return found;
  const Selector selector = objc.register_selector(row.selector);
  const Method method = row.kind == Kind::kClass ? objc.class_method(found.class_object, selector)
                                                 : objc.instance_method(found.class_object, selector);
  if (method == nullptr) return found;
  found.selector = selector;
  found.types = PlainEncoding(objc.type_encoding(method));
  return found;
}

bool Fits(const Expected& row, const Found& found) {
  return found.selector != nullptr && (row.types[0] == '\0' || found.types == row.types);
}

Status Mismatch(const Expected& row, const Found& found) {
  constexpr const char* kAdvice = " This version of macOS is not known to the bridge.";
  if (found.class_object == nullptr) {
    return {"ANE_UNAVAILABLE", std::string("Expected the class ") + row.class_name + ", found none." + kAdvice};
  }
  if (found.selector == nullptr) {
    return {"ANE_UNAVAILABLE", "Expected the method " + NameOf(row) + ", found none." + kAdvice};
  }
  return {"ANE_UNAVAILABLE", "Expected the types " + std::string(row.types) + " for " + NameOf(row) + ", got " +
                                 found.types + "." + kAdvice};
}

// Past one pointed-to type.
const char* SkipType(const char* at) {
  while (*at == '^' || std::strchr("rnNoORV", *at)) {
    if (*at == '\0') return at;
    ++at;
  }
  int depth = 0;
  do {
    if (*at == '{' || *at == '(' || *at == '[') ++depth;
    if (*at == '}' || *at == ')' || *at == ']') --depth;
    if (*at != '\0') ++at;
  } while (depth > 0 && *at != '\0');
  return at;
}

}  // namespace

std::string PlainEncoding(const char* encoding) {
  std::string plain;
  for (const char* at = encoding ? encoding : ""; *at != '\0';) {
    if (std::isdigit(static_cast<unsigned char>(*at)) || std::strchr("rnNoORV", *at)) {
      ++at;
    } else if (*at == '"') {
      const char* end = std::strchr(at + 1, '"');
      at = end ? end + 1 : at + std::strlen(at);
    } else if (*at == '^') {
      ++at;
      while (*at != '\0' && std::strchr("rnNoORV", *at)) ++at;
      plain += *at == '@' ? "^@" : "^";
      at = SkipType(at);
    } else {
      const char* end = SkipType(at);
      plain.append(at, end);
      at = end;
    }
  }
  return plain;
}

Result<MethodTable> MethodTable::Resolve(const ObjcRuntime& objc) {
  MethodTable table;
  table.objc_ = &objc;
  for (const Expected& row : kExpected) {
    const Found found = Find(objc, row);
    if (Fits(row, found)) {
      table.rows_[Index(row.call)] = {found.class_object, found.selector};
    } else if (row.required) {
      return Mismatch(row, found);
    }
  }
  return table;
}

std::vector<MethodReport> MethodTable::Report(const ObjcRuntime& objc) {
  std::vector<MethodReport> report;
  for (const Expected& row : kExpected) {
    Found found = Find(objc, row);
    report.push_back({NameOf(row), row.types, found.types, row.required, Fits(row, found), row.evidence});
  }
  return report;
}

}  // namespace ane
