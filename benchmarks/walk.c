/* The walk's base process as a C loop of the same shape, the peer of walk_vs_c.py: blocks of 512 customers of one draw, Philox4x32-10 words, a
   choice by guide table, dwell = scale * exp(power * base quantile), arrivals and moves counted. Written plainly, in loops over plain
   arrays, so that a compiler with vector maths (-O3 -ffast-math, libmvec) does with it what it can. */

#include <math.h>
#include <stdint.h>
#include <string.h>

#define BLOCK 512
#define GUIDE 32
#define MOST 64

enum { CONSTANT, EXPONENTIAL, NORMAL };

typedef struct {
    int32_t touchpoints, places, links;
    const int32_t *target, *base, *guide;
    const double *upper, *scale, *power;
    const uint32_t *key;
    int32_t entry, signed_place;
    double horizon;
    uint32_t seed_low, seed_high, draw;
} Journey;

static void words_of(int count, const uint32_t *restrict who, const uint32_t *restrict key, const uint32_t *restrict visit,
                     uint32_t draw, uint32_t low, uint32_t high, double *restrict choice, double *restrict time) {
    for (int k = 0; k < count; k++) {
        uint64_t c0 = who[k], c1 = key[k], c2 = visit[k], c3 = draw, k0 = low, k1 = high;
        for (int round = 0; round < 10; round++) {
            uint64_t first = 0xD2511F53u * c0, second = 0xCD9E8D57u * c2;
            c0 = (second >> 32) ^ c1 ^ k0;
            c1 = second & 0xFFFFFFFFu;
            c2 = (first >> 32) ^ c3 ^ k1;
            c3 = first & 0xFFFFFFFFu;
            k0 = (k0 + 0x9E3779B9u) & 0xFFFFFFFFu;
            k1 = (k1 + 0xBB67AE85u) & 0xFFFFFFFFu;
        }
        choice[k] = ((double)(int32_t)(c0 >> 1) * 2 + (c0 & 1) + 0.5) * 0x1p-32;
        time[k] = ((double)(int32_t)(c1 >> 1) * 2 + (c1 & 1) + 0.5) * 0x1p-32;
    }
}

/* The normal quantile, Acklam's rational approximation in three regions. */
static double normal_of(double u) {
    static const double a[] = {-3.969683028665376e+01, 2.209460984245205e+02, -2.759285104469687e+02,
                               1.383577518672690e+02, -3.066479806614716e+01, 2.506628277459239e+00};
    static const double b[] = {-5.447609879822406e+01, 1.615858368580409e+02, -1.556989798598866e+02,
                               6.680131188771972e+01, -1.328068155288572e+01};
    static const double c[] = {-7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e+00,
                               -2.549732539343734e+00, 4.374664141464968e+00, 2.938163982698783e+00};
    static const double d[] = {7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00, 3.754408661907416e+00};
    double low = u < 0.5 ? u : 1 - u, q = sqrt(-2 * log(low)), m = u - 0.5, r = m * m;
    double tail = (((((c[0] * q + c[1]) * q + c[2]) * q + c[3]) * q + c[4]) * q + c[5]) /
                  ((((d[0] * q + d[1]) * q + d[2]) * q + d[3]) * q + 1);
    double middle = (((((a[0] * r + a[1]) * r + a[2]) * r + a[3]) * r + a[4]) * r + a[5]) * m /
                    (((((b[0] * r + b[1]) * r + b[2]) * r + b[3]) * r + b[4]) * r + 1);
    return low < 0.02425 ? (u < 0.5 ? tail : -tail) : middle;
}

/* Walk the customers; fill visits (places) and moves (links), return how many moves were completed. */
int64_t walk(const Journey *j, int64_t customers, int64_t *visits, int64_t *moves, int64_t *converted) {
    static _Thread_local uint32_t who[BLOCK], key[BLOCK], visit[BLOCK], seen[BLOCK * MOST];
    static _Thread_local int32_t slot[BLOCK], place[BLOCK], link[BLOCK], member[3][BLOCK];
    static _Thread_local double day[BLOCK], arrival[BLOCK], choice[BLOCK], time[BLOCK], quantile[BLOCK], u[BLOCK], power[BLOCK];
    int64_t total = 0;
    for (int64_t start = 0; start < customers; start += BLOCK) {
        int count = customers - start < BLOCK ? (int)(customers - start) : BLOCK;
        memset(seen, 0, sizeof(uint32_t) * BLOCK * (size_t)j->places);
        for (int k = 0; k < count; k++) {
            slot[k] = k, who[k] = (uint32_t)(start + k), place[k] = j->entry, key[k] = j->key[j->entry];
            visit[k] = 0, day[k] = 0, seen[k * j->places + j->entry] = 1, visits[j->entry]++;
        }
        while (count > 0) {
            words_of(count, who, key, visit, j->draw, j->seed_low, j->seed_high, choice, time);
            for (int k = 0; k < count; k++) {
                int chosen = j->guide[place[k] * GUIDE + (int)(choice[k] * GUIDE)];
                while (choice[k] >= j->upper[chosen]) chosen++;
                link[k] = chosen;
            }
            int size[3] = {0, 0, 0};
            for (int k = 0; k < count; k++) {
                int base = j->base[link[k]];
                member[base][size[base]++] = k;
            }
            for (int base = 0; base < 3; base++) {
                int n = size[base];
                for (int k = 0; k < n; k++) u[k] = time[member[base][k]];
                if (base == EXPONENTIAL)
                    for (int k = 0; k < n; k++) u[k] = log(-log(1 - u[k]));
                else if (base == NORMAL)
                    for (int k = 0; k < n; k++) u[k] = normal_of(u[k]);
                else
                    for (int k = 0; k < n; k++) u[k] = 0;
                for (int k = 0; k < n; k++) quantile[member[base][k]] = u[k];
            }
            for (int k = 0; k < count; k++) arrival[k] = j->scale[link[k]], power[k] = j->power[link[k]];
            for (int k = 0; k < count; k++) arrival[k] = day[k] + arrival[k] * exp(power[k] * quantile[k]);
            int kept = 0;
            for (int k = 0; k < count; k++) {
                int to = j->target[link[k]], at = slot[k], on_time = arrival[k] <= j->horizon;
                moves[link[k]] += on_time;
                total += on_time;
                if (on_time) {
                    visits[to]++;
                    *converted += to == j->signed_place;
                    slot[kept] = at, place[kept] = to, day[kept] = arrival[k], who[kept] = who[k], key[kept] = j->key[to];
                    visit[kept] = seen[at * j->places + to]++;
                    kept += to < j->touchpoints;
                }
            }
            count = kept;
        }
    }
    return total;
}
