/* A module that has the entry and nothing behind it, and that leaves its traces in errno. */
#include <errno.h>
#include <stddef.h>

const void *gmem_crypto_primitives(void);

const void *gmem_crypto_primitives(void)
{
    errno = EIO;
    return NULL;
}
