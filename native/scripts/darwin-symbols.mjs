/**
 * The symbols of libSystem that a release for macOS may import: C, POSIX, threads, dlopen and the unwinder, public and in
 * macOS 13. Most are what the C++ library that is linked in needs.
 */
const names = `
  __DefaultRuneLocale __Unwind_DeleteException __Unwind_GetIP __Unwind_GetLanguageSpecificData __Unwind_GetRegionStart
  __Unwind_RaiseException __Unwind_Resume __Unwind_SetGR __Unwind_SetIP ____mb_cur_max_l ____tolower_l ____toupper_l
  ___cxa_atexit ___divti3 ___error ___maskrune ___maskrune_l ___stderrp ___tolower ___toupper __tlv_atexit
  __tlv_bootstrap _abort _acos _aligned_alloc _asin _asprintf_l _atan _atanh _atexit _btowc_l _bzero _calloc _catclose
  _catgets _catopen _chdir _clock_gettime _close _closedir _copyfile_state_alloc _copyfile_state_free _cos _cosh
  _dlerror _dlopen _dlsym _erf _exp _exp2 _expm1 _fchmod _fchmodat _fclose _fcopyfile _fdopendir _fflush _fgets _fmod
  _fopen _fputc _fread _free _freelocale _frexp _fseek _fseeko _fstat _ftello _ftruncate _fwrite _getcwd _getenv _getpid
  _kill _ldexp _link _localeconv_l _log _log1p _logf _lstat _malloc _mbrlen_l _mbrtowc_l _mbsnrtowcs_l _mbsrtowcs_l
  _mbtowc_l _memchr _memcmp _memcpy _memmove _memset _memset_pattern16 _mkdir _nanosleep _newlocale _open _openat
  _opendir _pow _pthread_cond_broadcast _pthread_cond_destroy _pthread_cond_signal _pthread_cond_timedwait
  _pthread_cond_wait _pthread_create _pthread_detach _pthread_getspecific _pthread_join _pthread_key_create
  _pthread_mach_thread_np _pthread_mutex_destroy _pthread_mutex_init _pthread_mutex_lock _pthread_mutex_trylock
  _pthread_mutex_unlock _pthread_mutexattr_destroy _pthread_mutexattr_init _pthread_mutexattr_settype _pthread_self
  _pthread_setspecific _readdir _readlink _realloc _realpath$DARWIN_EXTSN _remove _rename _sched_yield _setbuf
  _setlocale _sin _sinh _snprintf _snprintf_l _sscanf _sscanf_l _stat _statvfs _strchr _strcmp _strcoll_l _strerror_r
  _strftime_l _strlen _strtod _strtod_l _strtof _strtof_l _strtol _strtold _strtold_l _strtoll _strtoll_l _strtoul
  _strtoull _strtoull_l _strxfrm_l _swprintf _symlink _sysconf _sysctlbyname _tan _tanh _truncate _unlinkat _utimensat
  _vfprintf _vsnprintf _wcrtomb_l _wcscoll_l _wcslen _wcsnrtombs_l _wcstod _wcstof _wcstol _wcstold _wcstoll _wcstoul
  _wcstoull _wcsxfrm_l _wctob_l _wmemchr _wmemcmp dyld_stub_binder
`

/** Names as the file spells them, with the leading underscore. */
export const darwinSymbols = new Set(names.trim().split(/\s+/))
