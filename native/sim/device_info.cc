// _ANEDeviceInfo: which chip and system this pretends to be.
#include "sim/framework.h"
#include "sim/method.h"

namespace ane::sim {
namespace {

bool HasAne(Class*) { return true; }
bool IsVirtualMachine(Class*) { return false; }
bool IsInternalBuild(Class*) { return false; }
uint32_t NumAnes(Class*) { return CurrentSettings().chip->engines; }
uint32_t NumAneCores(Class*) { return CurrentSettings().chip->cores; }
Id SubType(Class*) { return MakeString(CurrentSettings().chip->sub_type); }
Id ProductName(Class*) { return MakeString("macOS"); }

// Builds that reports name; otherwise the version stands in for one.
Id BuildVersion(Class*) {
  const std::string os = CurrentSettings().os;
  if (os == "26.2") return MakeString("25C56");
  if (os == "15.0") return MakeString("24A335");
  return MakeString("simulated-" + os);
}

}  // namespace

void RegisterDeviceInfo() {
  Class* c = Register<DeviceInfo>("_ANEDeviceInfo", kClass<Object>, true);
  AddClassMethod<HasAne>(c, "hasANE");
  AddClassMethod<IsVirtualMachine>(c, "isVirtualMachine");
  AddClassMethod<IsInternalBuild>(c, "isInternalBuild");
  AddClassMethod<NumAnes>(c, "numANEs");
  AddClassMethod<NumAneCores>(c, "numANECores");
  AddClassMethod<SubType>(c, "aneArchitectureType");
  AddClassMethod<SubType>(c, "aneSubType");
  AddClassMethod<ProductName>(c, "productName");
  AddClassMethod<BuildVersion>(c, "buildVersion");
}

}  // namespace ane::sim
