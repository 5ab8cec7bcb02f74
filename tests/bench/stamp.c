/* Writes the time at which it is alive, CLOCK_MONOTONIC in ns, to the file that argv[1] names. */
#include <stdio.h>
#include <time.h>

int main(int argc, char **argv) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    FILE *file = argc > 1 ? fopen(argv[1], "w") : NULL;
    if (file == NULL) return 1;
    fprintf(file, "%lld\n", now.tv_sec * 1000000000LL + now.tv_nsec);
    return fclose(file) != 0;
}
