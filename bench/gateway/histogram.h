// Latencies in log-linear buckets: 64 per power of two, so that a percentile is right to 1.6 %.
#pragma once
#include <stdint.h>
#include <stdio.h>

enum { SUB_BITS = 6, SUB = 1 << SUB_BITS, BUCKETS = 64 * SUB };

typedef struct {
  uint64_t counts[BUCKETS], count, max_ns;
  double sum_ns;
} Histogram;

static size_t bucket_of(uint64_t ns) {
  if (ns < SUB) return (size_t)ns;
  int shift = 63 - __builtin_clzll(ns) - SUB_BITS;
  return (size_t)(shift + 1) * SUB + (size_t)((ns >> shift) - SUB);
}

static uint64_t bucket_top(size_t bucket) {
  if (bucket < SUB) return bucket;
  size_t shift = bucket / SUB - 1;
  return ((uint64_t)(bucket % SUB + SUB + 1) << shift) - 1;
}

static void record(Histogram *histogram, uint64_t ns) {
  histogram->counts[bucket_of(ns)]++;
  histogram->count++;
  histogram->sum_ns += (double)ns;
  if (ns > histogram->max_ns) histogram->max_ns = ns;
}

static double percentile_us(const Histogram *histogram, double share) {
  uint64_t rank = (uint64_t)(share * (double)histogram->count + 0.5), seen = 0;
  if (rank < 1) rank = 1;
  for (size_t bucket = 0; bucket < BUCKETS; bucket++) {
    seen += histogram->counts[bucket];
    if (seen < rank) continue;
    uint64_t top = bucket_top(bucket);
    return (double)(top < histogram->max_ns ? top : histogram->max_ns) / 1000;
  }
  return 0;
}

static void print_histogram(const char *name, const Histogram *histogram) {
  printf("\"%s\":{\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f,\"mean\":%.1f}", name,
         percentile_us(histogram, 0.5), percentile_us(histogram, 0.9), percentile_us(histogram, 0.99),
         percentile_us(histogram, 0.999), (double)histogram->max_ns / 1000,
         histogram->count ? histogram->sum_ns / (double)histogram->count / 1000 : 0);
}
