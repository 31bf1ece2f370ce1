/* loader_program LIBRARY: prints what try_to_load() answers, twice, and whether errno was kept. */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

int main(int n, char **arguments)
{
    void *library = n == 2 ? dlopen(arguments[1], RTLD_NOW) : NULL;
    void *symbol = library ? dlsym(library, "try_to_load") : NULL;
    int (*try_to_load)(void);
    if (!symbol) {
        fprintf(stderr, "%s\n", dlerror());
        return 2;
    }
    memcpy(&try_to_load, &symbol, sizeof try_to_load);
    errno = EDOM;
    int first = try_to_load();
    int second = try_to_load();
    printf("%d %d %s\n", first, second, errno == EDOM ? "kept" : "lost");
    return 0;
}
