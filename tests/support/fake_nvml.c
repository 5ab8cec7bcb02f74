/*
 * A stand-in for NVIDIA's libnvidia-ml.so.1, so that the code that speaks NVML can be tested on a
 * machine without a GPU. Every call looks whether the script named by FAKE_NVML_SCRIPT was
 * replaced; a test changes the machine by renaming another script over it. Lines of a script:
 *
 *   driver VERSION
 *   cuda NUMBER               the newest CUDA that the driver supports (12040 is 12.4)
 *   fail FUNCTION CODE        that function returns CODE ('*' stands for every function)
 *   hang FUNCTION             that function does not return while this line is there
 *   gpu KEY=VALUE;KEY=VALUE   one GPU; the order of lines is the order of indices
 *   mig GPU KEY=VALUE;...     one MIG instance of that GPU (index); the order counts here too
 *   near GPU GPU LEVEL        their nvmlGpuTopologyLevel_t (10: behind one PCIe switch)
 *   xid NUMBER GPU CODE GI    an Xid event, told once; NUMBER grows, and what was there before the
 *                             event set is not told; GI is a GPU instance or -1
 *
 * Keys: name uuid pci cc (8.0) total used (bytes) util memutil fan (percent) temp (C) power limit
 * limit_min limit_max (mW) sm_clock memory_clock (MHz) ecc persistence mig (0 or 1) ecc_errors numa
 * (node) mig_max (instances) gi (GPU instance) slices (3/2: GPU and compute slices) nvlinks
 * (PCI,PCI,switch,-,? for each link: where it ends, that it is down, or not supported) reserved (bytes
 * that the driver keeps) compute graphics mps (PID:BYTES, PID:- where the driver doesn't know the
 * bytes) and code, with which every question about that
 * GPU is answered. A key that is left out is 'not supported'.
 *
 * -DWITHOUT_NEWER_FORMS builds the library of an older driver, -DWITH_WIDE_LISTS that of drivers 530
 * to 535.86, whose third forms of process lists write longer records.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    OK = 0,
    INVALID_ARGUMENT = 2,
    NOT_SUPPORTED = 3,
    NOT_FOUND = 6,
    INSUFFICIENT_SIZE = 7,
    TIMEOUT = 10,
    GPU_IS_LOST = 15,
};
enum { GPUS_MAX = 32, MIGS_MAX = 64, LINES_MAX = 64, TEXT_MAX = 4096 };

typedef struct gpu {
    char line[TEXT_MAX];
    unsigned parent; /* of a MIG instance: the index of its GPU */
} gpu;

static gpu gpus[GPUS_MAX], migs[MIGS_MAX];
static unsigned gpu_count, mig_count;
static struct { char function[64]; int code, hang; } faults[LINES_MAX];
static struct { unsigned first, second; int level; } nears[LINES_MAX];
static struct { unsigned number, gpu, code; int instance; } xids[LINES_MAX];
static unsigned fault_count, near_count, xid_count;
static char driver[80];
static int cuda;

static void take_line(const char *line) {
    char name[64];
    unsigned a, b, c, instance_of;
    int value, at = 0;
    if (sscanf(line, "fail %63s %d", name, &value) == 2 && fault_count < LINES_MAX) {
        strcpy(faults[fault_count].function, name);
        faults[fault_count].hang = 0;
        faults[fault_count++].code = value;
    } else if (sscanf(line, "hang %63s", name) == 1 && fault_count < LINES_MAX) {
        strcpy(faults[fault_count].function, name);
        faults[fault_count].code = OK;
        faults[fault_count++].hang = 1;
    } else if (!strncmp(line, "driver ", 7)) {
        snprintf(driver, sizeof driver, "%.79s", line + 7);
    } else if (sscanf(line, "cuda %d", &value) == 1) {
        cuda = value;
    } else if (sscanf(line, "near %u %u %d", &a, &b, &value) == 3 && near_count < LINES_MAX) {
        nears[near_count].first = a;
        nears[near_count].second = b;
        nears[near_count++].level = value;
    } else if (sscanf(line, "xid %u %u %u %d", &a, &b, &c, &value) == 4 && xid_count < LINES_MAX) {
        xids[xid_count].number = a;
        xids[xid_count].gpu = b;
        xids[xid_count].code = c;
        xids[xid_count++].instance = value;
    /* Between semicolons on both sides every key is found as ";key=". */
    } else if (sscanf(line, "mig %u %n", &instance_of, &at) == 1 && at && mig_count < MIGS_MAX) {
        migs[mig_count].parent = instance_of;
        snprintf(migs[mig_count++].line, TEXT_MAX, ";%.4000s;", line + at);
    } else if (!strncmp(line, "gpu ", 4) && gpu_count < GPUS_MAX) {
        snprintf(gpus[gpu_count++].line, TEXT_MAX, ";%.4000s;", line + 4);
    }
}

/* Reads the script if it is another than before; 0 when there is none. */
static int read_script(void) {
    static struct stat seen;
    const char *path = getenv("FAKE_NVML_SCRIPT");
    struct stat now;
    char line[TEXT_MAX];
    if (path == NULL || stat(path, &now)) return 0;
    if (now.st_ino == seen.st_ino && now.st_size == seen.st_size
        && now.st_mtim.tv_sec == seen.st_mtim.tv_sec
        && now.st_mtim.tv_nsec == seen.st_mtim.tv_nsec) return 1;
    FILE *script = fopen(path, "r");
    if (script == NULL) return 0;
    gpu_count = mig_count = fault_count = near_count = xid_count = 0;
    driver[0] = 0;
    cuda = 0;
    while (fgets(line, sizeof line, script)) {
        line[strcspn(line, "\n")] = 0;
        take_line(line);
    }
    fclose(script);
    seen = now;
    return 1;
}

/* The code that `function` shall fail with. Hangs where the script says so. */
static int enter(const char *function) {
    for (;;) {
        int code = OK, hang = 0;
        if (!read_script()) return NOT_SUPPORTED;
        for (unsigned i = 0; i < fault_count; i++) {
            if (strcmp(faults[i].function, "*") && strcmp(faults[i].function, function)) continue;
            if (faults[i].hang) hang = 1;
            else code = faults[i].code;
        }
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

static int is_mig(const gpu *g) { return g >= migs && g < migs + MIGS_MAX; }

static int copy(char *into, unsigned size, const char *text) {
    if (strlen(text) >= size) return INSUFFICIENT_SIZE;
    strcpy(into, text);
    return OK;
}

#define ENTER() do { int code_ = enter(__func__); if (code_) return code_; } while (0)
/* A handle is the address of its GPU's place; one that the script dropped is lost. */
#define ENTER_GPU() ENTER(); do { \
        unsigned long long code_ = 0; \
        if (is_mig(g) ? (unsigned)(g - migs) >= mig_count : (unsigned)(g - gpus) >= gpu_count) \
            return GPU_IS_LOST; \
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

static int small_number(const gpu *g, const char *key, unsigned *value) {
    unsigned long long wide;
    NUMBER(key, &wide);
    *value = (unsigned)wide;
    return OK;
}

int nvmlDeviceGetEnforcedPowerLimit(gpu *g, unsigned *value) {
    ENTER_GPU();
    return small_number(g, "limit", value);
}

int nvmlDeviceGetPowerUsage(gpu *g, unsigned *value) {
    ENTER_GPU();
    return small_number(g, "power", value);
}

int nvmlDeviceGetPowerManagementLimitConstraints(gpu *g, unsigned *least, unsigned *most) {
    ENTER_GPU();
    int code = small_number(g, "limit_min", least);
    return code ? code : small_number(g, "limit_max", most);
}

int nvmlDeviceGetFanSpeed(gpu *g, unsigned *value) {
    ENTER_GPU();
    return small_number(g, "fan", value);
}

int nvmlDeviceGetClockInfo(gpu *g, int kind, unsigned *value) {
    ENTER_GPU();
    return small_number(g, kind == 2 ? "memory_clock" : "sm_clock", value);
}

int nvmlDeviceGetPersistenceMode(gpu *g, unsigned *value) {
    ENTER_GPU();
    return small_number(g, "persistence", value);
}

int nvmlDeviceGetEccMode(gpu *g, unsigned *now, unsigned *pending) {
    ENTER_GPU();
    int code = small_number(g, "ecc", now);
    *pending = *now;
    return code;
}

int nvmlDeviceGetTotalEccErrors(gpu *g, int kind, int counter, unsigned long long *value) {
    (void)kind; (void)counter;
    ENTER_GPU();
    return number(g, "ecc_errors", value);
}

int nvmlDeviceGetMemoryAffinity(gpu *g, unsigned size, unsigned long *nodes, int scope) {
    unsigned node;
    (void)scope;
    ENTER_GPU();
    memset(nodes, 0, size * sizeof *nodes);
    int code = small_number(g, "numa", &node);
    if (code == OK && node < 64 * size) nodes[node / 64] = 1UL << node % 64;
    return code;
}

int nvmlSystemGetCudaDriverVersion_v2(int *value) {
    ENTER();
    *value = cuda;
    return cuda ? OK : NOT_SUPPORTED;
}

/* --- Topology --- */

int nvmlDeviceGetTopologyCommonAncestor(gpu *g, gpu *other, int *level) {
    unsigned first = (unsigned)(g - gpus), second = (unsigned)(other - gpus);
    ENTER_GPU();
    for (unsigned i = 0; i < near_count; i++) {
        if ((nears[i].first == first && nears[i].second == second)
            || (nears[i].first == second && nears[i].second == first)) {
            *level = nears[i].level;
            return OK;
        }
    }
    return NOT_SUPPORTED;
}

/* Where an NVLink ends: "-" is down. */
static int link_end(const gpu *g, unsigned link, char *into) {
    char text[TEXT_MAX];
    if (field(g, "nvlinks", text) == NULL) return NOT_SUPPORTED;
    for (char *rest = text, *item; (item = strtok_r(rest, ",", &rest)) != NULL; link--) {
        if (link == 0) return strcmp(item, "?") ? copy(into, 64, item) : NOT_SUPPORTED;
    }
    return INVALID_ARGUMENT;
}

int nvmlDeviceGetNvLinkState(gpu *g, unsigned link, unsigned *active) {
    char end[64];
    ENTER_GPU();
    int code = link_end(g, link, end);
    if (code == OK) *active = strcmp(end, "-") != 0;
    return code;
}

int nvmlDeviceGetNvLinkRemoteDeviceType(gpu *g, unsigned link, int *kind) {
    char end[64];
    ENTER_GPU();
    int code = link_end(g, link, end);
    if (code == OK) *kind = strcmp(end, "switch") ? 0 : 2;
    return code;
}

int nvmlDeviceGetNvLinkRemotePciInfo_v2(gpu *g, unsigned link, pci_info *info) {
    char end[64];
    ENTER_GPU();
    memset(info, 0, sizeof *info);
    int code = link_end(g, link, end);
    return code ? code : copy(info->bus_id, sizeof info->bus_id, end);
}

/* --- MIG --- */

int nvmlDeviceGetMigMode(gpu *g, unsigned *now, unsigned *pending) {
    ENTER_GPU();
    int code = small_number(g, "mig", now);
    *pending = *now;
    return code;
}

int nvmlDeviceGetMaxMigDeviceCount(gpu *g, unsigned *value) {
    ENTER_GPU();
    return small_number(g, "mig_max", value);
}

int nvmlDeviceGetMigDeviceHandleByIndex(gpu *g, unsigned index, gpu **handle) {
    ENTER_GPU();
    for (unsigned i = 0; i < mig_count; i++) {
        if (migs[i].parent == (unsigned)(g - gpus) && index-- == 0) {
            *handle = &migs[i];
            return OK;
        }
    }
    return NOT_FOUND;
}

int nvmlDeviceGetGpuInstanceId(gpu *g, unsigned *value) {
    ENTER_GPU();
    return small_number(g, "gi", value);
}

typedef struct {
    unsigned multiprocessors, copy, decoder, encoder, jpeg, ofa, gpu_slices, compute_slices;
    unsigned long long memory_mb;
} attributes;

int nvmlDeviceGetAttributes_v2(gpu *g, attributes *value) {
    char text[TEXT_MAX];
    unsigned long long total;
    ENTER_GPU();
    memset(value, 0, sizeof *value);
    NUMBER("total", &total);
    value->memory_mb = total >> 20;
    if (field(g, "slices", text) == NULL) return NOT_SUPPORTED;
    return sscanf(text, "%u/%u", &value->gpu_slices, &value->compute_slices) == 2 ? OK
                                                                                 : NOT_SUPPORTED;
}

/* --- Events --- */

typedef struct {
    gpu *device;
    unsigned long long type, data;
    unsigned gpu_instance, compute_instance;
} event;

enum { XID_EVENT = 8 };
static unsigned told, registered; /* the last event's number; a bit for each GPU */

int nvmlEventSetCreate(void **set) {
    ENTER();
    for (unsigned i = 0; i < xid_count; i++)
        if (xids[i].number > told) told = xids[i].number;
    registered = 0;
    *set = &told;
    return OK;
}

int nvmlDeviceGetSupportedEventTypes(gpu *g, unsigned long long *types) {
    ENTER_GPU();
    *types = XID_EVENT | 1;
    return OK;
}

int nvmlDeviceRegisterEvents(gpu *g, unsigned long long types, void *set) {
    ENTER_GPU();
    (void)set;
    if (types != XID_EVENT) return INVALID_ARGUMENT;
    registered |= 1U << (g - gpus);
    return OK;
}

int nvmlEventSetWait_v2(void *set, event *data, unsigned timeout_ms) {
    ENTER();
    (void)set;
    if (timeout_ms != 0) return INVALID_ARGUMENT;
    /* One that is lost fails the set. */
    for (unsigned i = 0; i < gpu_count; i++) {
        unsigned long long code;
        if (registered & 1U << i && number(&gpus[i], "code", &code) == OK) return (int)code;
    }
    for (unsigned i = 0; i < xid_count; i++) {
        if (xids[i].number <= told || !(registered & 1U << xids[i].gpu)) continue;
        told = xids[i].number;
        data->device = &gpus[xids[i].gpu];
        data->type = XID_EVENT;
        data->data = xids[i].code;
        data->gpu_instance = data->compute_instance = (unsigned)xids[i].instance;
        return OK;
    }
    return TIMEOUT;
}

typedef struct { unsigned gpu, memory; } rates;

int nvmlDeviceGetUtilizationRates(gpu *g, rates *value) {
    unsigned long long percent;
    ENTER_GPU();
    NUMBER("util", &percent);
    value->gpu = (unsigned)percent;
    value->memory = number(g, "memutil", &percent) == OK ? (unsigned)percent : 0;
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

int nvmlDeviceGetMPSComputeRunningProcesses_v2(gpu *g, unsigned *count, process *list) {
    ENTER_GPU();
    return list_processes(g, "mps", count, list);
}

#ifdef WITH_WIDE_LISTS
typedef struct { process narrow; unsigned long long protected; } wide_process;
int nvmlDeviceGetConfComputeMemSizeInfo(gpu *g, void *sizes) {
    (void)g; (void)sizes;
    return NOT_SUPPORTED;
}
#else
typedef process wide_process;
#endif

#ifndef WITHOUT_NEWER_FORMS
static int list_widely(const gpu *g, const char *key, unsigned *count, wide_process *list) {
    process narrow[64];
    unsigned found = list == NULL ? 0 : *count < 64 ? *count : 64;
    int code = list_processes(g, key, &found, list == NULL ? NULL : narrow);
    for (unsigned i = 0; list != NULL && code == OK && i < found; i++)
        memcpy(&list[i], &narrow[i], sizeof narrow[i]);
    *count = found;
    return code;
}

int nvmlDeviceGetComputeRunningProcesses_v3(gpu *g, unsigned *count, wide_process *list) {
    ENTER_GPU();
    return list_widely(g, "compute", count, list);
}

int nvmlDeviceGetGraphicsRunningProcesses_v3(gpu *g, unsigned *count, wide_process *list) {
    ENTER_GPU();
    return list_widely(g, "graphics", count, list);
}

int nvmlDeviceGetMPSComputeRunningProcesses_v3(gpu *g, unsigned *count, wide_process *list) {
    ENTER_GPU();
    return list_widely(g, "mps", count, list);
}

typedef struct {
    unsigned version;
    unsigned long long total, reserved, free, used;
} memory_v2;

int nvmlDeviceGetMemoryInfo_v2(gpu *g, memory_v2 *value) {
    ENTER_GPU();
    NUMBER("total", &value->total);
    NUMBER("used", &value->used);
    if (number(g, "reserved", &value->reserved)) value->reserved = 0;
    value->free = value->total - value->used - value->reserved;
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
