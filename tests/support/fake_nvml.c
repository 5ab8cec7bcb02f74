/*
 * A stand-in for NVIDIA's libnvidia-ml.so.1, so that the code that speaks NVML can be tested on a
 * machine without a GPU. Every call reads the script named by FAKE_NVML_SCRIPT anew; a test
 * changes the machine by renaming another script over it. Lines of a script:
 *
 *   driver VERSION
 *   fail FUNCTION CODE        that function returns CODE ('*' stands for every function)
 *   hang FUNCTION             that function does not return while this line is there
 *   gpu KEY=VALUE;KEY=VALUE   one GPU; the order of lines is the order of indices
 *
 * Keys: name uuid pci cc (8.0) total used (bytes) util (percent) temp (C) power limit (mW)
 * compute graphics (PID:BYTES,PID:- where the driver doesn't know the bytes) and code, with which
 * every question about that GPU is answered. A key that is left out is 'not supported'.
 *
 * -DWITHOUT_NEWER_FORMS builds the library of an older driver.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    OK = 0,
    INVALID_ARGUMENT = 2,
    NOT_SUPPORTED = 3,
    INSUFFICIENT_SIZE = 7,
    GPU_IS_LOST = 15,
};
enum { GPUS_MAX = 32, TEXT_MAX = 4096 };

typedef struct gpu {
    char line[TEXT_MAX];
} gpu;

static gpu gpus[GPUS_MAX];
static unsigned gpu_count;
static char driver[80];

/* Reads the script; returns the code that `function` shall fail with. Hangs where it says so. */
static int enter(const char *function) {
    const char *path = getenv("FAKE_NVML_SCRIPT");
    for (;;) {
        int code = OK, hang = 0, value;
        char line[TEXT_MAX], name[128];
        FILE *script = path ? fopen(path, "r") : NULL;
        gpu_count = 0;
        driver[0] = 0;
        if (script == NULL) return NOT_SUPPORTED;
        while (fgets(line, sizeof line, script)) {
            line[strcspn(line, "\n")] = 0;
            if (sscanf(line, "fail %127s %d", name, &value) == 2) {
                if (!strcmp(name, "*") || !strcmp(name, function)) code = value;
            } else if (sscanf(line, "hang %127s", name) == 1) {
                if (!strcmp(name, "*") || !strcmp(name, function)) hang = 1;
            } else if (!strncmp(line, "driver ", 7)) {
                snprintf(driver, sizeof driver, "%.79s", line + 7);
            } else if (!strncmp(line, "gpu ", 4) && gpu_count < GPUS_MAX) {
                /* Between semicolons on both sides every key is found as ";key=". */
                snprintf(gpus[gpu_count++].line, TEXT_MAX, ";%.4000s;", line + 4);
            }
        }
        fclose(script);
        if (!hang) return code;
        usleep(5000);
    }
}

/* The value of a key, copied; NULL when the GPU doesn't have it. */
static const char *field(const gpu *g, const char *key, char *into) {
    char wanted[64];
    snprintf(wanted, sizeof wanted, ";%s=", key);
    const char *at = strstr(g->line, wanted);
    if (at == NULL) return NULL;
    at += strlen(wanted);
    size_t length = strcspn(at, ";");
    memcpy(into, at, length);
    into[length] = 0;
    return into;
}

static int number(const gpu *g, const char *key, unsigned long long *value) {
    char text[TEXT_MAX];
    if (field(g, key, text) == NULL) return NOT_SUPPORTED;
    *value = strtoull(text, NULL, 10);
    return OK;
}

static int copy(char *into, unsigned size, const char *text) {
    if (strlen(text) >= size) return INSUFFICIENT_SIZE;
    strcpy(into, text);
    return OK;
}

#define ENTER() do { int code_ = enter(__func__); if (code_) return code_; } while (0)
/* A handle is the address of its GPU's place; one that the script dropped is lost. */
#define ENTER_GPU() ENTER(); do { \
        unsigned long long code_ = 0; \
        if ((unsigned)(g - gpus) >= gpu_count) return GPU_IS_LOST; \
        if (number(g, "code", &code_) == OK) return (int)code_; \
    } while (0)
#define NUMBER(key, value) do { int code_ = number(g, key, value); if (code_) return code_; } while (0)

int nvmlInitWithFlags(unsigned flags) { (void)flags; ENTER(); return OK; }
int nvmlInit_v2(void) { ENTER(); return OK; }
int nvmlShutdown(void) { return OK; }
const char *nvmlErrorString(int code) { return code ? "an error of the fake driver" : "Success"; }

int nvmlSystemGetDriverVersion(char *into, unsigned size) {
    ENTER();
    return driver[0] ? copy(into, size, driver) : NOT_SUPPORTED;
}

int nvmlDeviceGetCount_v2(unsigned *count) { ENTER(); *count = gpu_count; return OK; }

int nvmlDeviceGetHandleByIndex_v2(unsigned index, gpu **handle) {
    ENTER();
    if (index >= gpu_count) return INVALID_ARGUMENT;
    const gpu *g = *handle = &gpus[index];
    unsigned long long code;
    return number(g, "code", &code) == OK ? (int)code : OK;
}

static int text_of(const gpu *g, const char *key, char *into, unsigned size) {
    char text[TEXT_MAX];
    return field(g, key, text) ? copy(into, size, text) : NOT_SUPPORTED;
}

int nvmlDeviceGetName(gpu *g, char *into, unsigned size) {
    ENTER_GPU();
    return text_of(g, "name", into, size);
}

int nvmlDeviceGetUUID(gpu *g, char *into, unsigned size) {
    ENTER_GPU();
    return text_of(g, "uuid", into, size);
}

typedef struct {
    char legacy_bus_id[16];
    unsigned domain, bus, device, device_id, subsystem_id;
    char bus_id[32];
} pci_info;

int nvmlDeviceGetPciInfo_v3(gpu *g, pci_info *info) {
    ENTER_GPU();
    memset(info, 0, sizeof *info);
    return text_of(g, "pci", info->bus_id, sizeof info->bus_id);
}

int nvmlDeviceGetCudaComputeCapability(gpu *g, int *major, int *minor) {
    char text[TEXT_MAX];
    ENTER_GPU();
    if (field(g, "cc", text) == NULL) return NOT_SUPPORTED;
    return sscanf(text, "%d.%d", major, minor) == 2 ? OK : NOT_SUPPORTED;
}

static int milliwatts(const gpu *g, const char *key, unsigned *value) {
    unsigned long long wide;
    NUMBER(key, &wide);
    *value = (unsigned)wide;
    return OK;
}

int nvmlDeviceGetEnforcedPowerLimit(gpu *g, unsigned *value) {
    ENTER_GPU();
    return milliwatts(g, "limit", value);
}

int nvmlDeviceGetPowerUsage(gpu *g, unsigned *value) {
    ENTER_GPU();
    return milliwatts(g, "power", value);
}

typedef struct { unsigned gpu, memory; } rates;

int nvmlDeviceGetUtilizationRates(gpu *g, rates *value) {
    unsigned long long percent;
    ENTER_GPU();
    NUMBER("util", &percent);
    value->gpu = (unsigned)percent;
    value->memory = 0;
    return OK;
}

typedef struct { unsigned long long total, free, used; } memory;

int nvmlDeviceGetMemoryInfo(gpu *g, memory *value) {
    ENTER_GPU();
    NUMBER("total", &value->total);
    NUMBER("used", &value->used);
    value->free = value->total - value->used;
    return OK;
}

int nvmlDeviceGetTemperature(gpu *g, int sensor, unsigned *value) {
    unsigned long long celsius;
    (void)sensor;
    ENTER_GPU();
    NUMBER("temp", &celsius);
    *value = (unsigned)celsius;
    return OK;
}

typedef struct {
    unsigned pid;
    unsigned long long used;
    unsigned gpu_instance, compute_instance;
} process;

static int list_processes(const gpu *g, const char *key, unsigned *count, process *list) {
    char text[TEXT_MAX];
    unsigned room = *count, found = 0;
    if (field(g, key, text) == NULL) text[0] = 0;
    for (char *rest = text, *item; (item = strtok_r(rest, ",", &rest)) != NULL; found++) {
        char *used = strchr(item, ':');
        if (list == NULL || found >= room) continue;
        list[found].pid = (unsigned)strtoul(item, NULL, 10);
        list[found].used = used && used[1] != '-' ? strtoull(used + 1, NULL, 10) : ~0ULL;
        list[found].gpu_instance = list[found].compute_instance = ~0U;
    }
    *count = found;
    return found > room ? INSUFFICIENT_SIZE : OK;
}

int nvmlDeviceGetComputeRunningProcesses_v2(gpu *g, unsigned *count, process *list) {
    ENTER_GPU();
    return list_processes(g, "compute", count, list);
}

int nvmlDeviceGetGraphicsRunningProcesses_v2(gpu *g, unsigned *count, process *list) {
    ENTER_GPU();
    return list_processes(g, "graphics", count, list);
}

#ifndef WITHOUT_NEWER_FORMS
int nvmlDeviceGetComputeRunningProcesses_v3(gpu *g, unsigned *count, process *list) {
    ENTER_GPU();
    return list_processes(g, "compute", count, list);
}

int nvmlDeviceGetGraphicsRunningProcesses_v3(gpu *g, unsigned *count, process *list) {
    ENTER_GPU();
    return list_processes(g, "graphics", count, list);
}

typedef struct {
    unsigned version;
    unsigned long long total, reserved, free, used;
} memory_v2;

int nvmlDeviceGetMemoryInfo_v2(gpu *g, memory_v2 *value) {
    ENTER_GPU();
    NUMBER("total", &value->total);
    NUMBER("used", &value->used);
    value->reserved = 0;
    value->free = value->total - value->used;
    return OK;
}

typedef struct { unsigned version, sensor; int celsius; } temperature;

int nvmlDeviceGetTemperatureV(gpu *g, temperature *value) {
    unsigned long long celsius;
    ENTER_GPU();
    NUMBER("temp", &celsius);
    value->celsius = (int)celsius;
    return OK;
}
#endif
