/* python.exe: the wheel has Python's DLL and no program. */
#include <stdio.h>
#include <windows.h>

typedef int (*Main)(int, wchar_t **);

int wmain(int count, wchar_t **arguments) {
  HMODULE library = LoadLibraryW(L"python310.dll");
  if (!library) {
    fprintf(stderr, "python310.dll cannot be loaded: error %lu\n", GetLastError());
    return 111;
  }
  return ((Main)(void *)GetProcAddress(library, "Py_Main"))(count, arguments);
}
