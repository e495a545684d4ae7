/* python3.dll: Qt's bindings are linked to it; each of its functions is python310.dll's. */
int __stdcall DllMain(void *instance, unsigned long reason, void *reserved) { return 1; }
