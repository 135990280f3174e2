// Convolutions on images with their channels last, of all runs at once and without patches.
#include "common.cuh"

// z = w∗x + b and h = φ(z); or with `back`, from the gradient of z, that of x = φ(y), dx, and of y, dx·φ′(y). Both ways are sums
// over taps of an image's pixels times a matrix. On the way back the pixels of one phase, whose places differ by multiples of the stride, see the same taps.
struct Conv {
    const void *source, *weights, *bias; // no bias: null
    void *sums, *through;                // z and h, or dx and dy; null where not wanted
    const void *y, *x;                   // on the way back with dy
    Long source_run, weights_run, bias_run; // values from one run to the next
    Phi phi;
    int images, tile; // of a run; of a block
    int from, to;     // channels
    int source_size[2], out_size[2], kernel[2];
    int stride, padding, back;
    int pitch; // values from one image to the next in shared memory
};

// Channels that a thread computes.
constexpr int CHANNELS = 8;

// The places of a phase along an axis: pixel first + i·step, tap tap + j·step, source pixel at + i·by_pixel + j·by_tap.
struct Axis {
    int pixels, first, step, taps, tap, at, by_pixel, by_tap;

    __device__ Axis(const Conv &c, int phase, int axis) {
        int size = c.out_size[axis], kernel = c.kernel[axis];
        if (c.back) {
            step = c.stride;
            first = (phase + c.padding * (step - 1)) % step; // phase − padding, and not negative
            pixels = first < size ? (size - 1 - first) / step + 1 : 0;
            tap = phase;
            taps = phase < kernel ? (kernel - 1 - phase) / step + 1 : 0;
            at = (first + c.padding - phase) / step; // without remainder
            by_pixel = 1, by_tap = -1;
        } else {
            step = 1, first = 0, pixels = size, tap = 0, taps = kernel;
            at = -c.padding, by_pixel = c.stride, by_tap = 1;
        }
    }
};

// The first of a thread's channels, of `all` that follow each other.
template <typename T>
__device__ __forceinline__ void load_some(T (&to)[CHANNELS], const T *from, int count, int all) {
    if (all % CHANNELS == 0) {
        load<CHANNELS>(to, from);
    } else {
#pragma unroll
        for (int i = 0; i < CHANNELS; i++)
            if (i < count) to[i] = from[i];
    }
}

template <typename T>
__device__ __forceinline__ void store_some(T *to, const T (&from)[CHANNELS], int count, int all) {
    if (all % CHANNELS == 0) {
        store<CHANNELS>(to, from);
    } else {
#pragma unroll
        for (int i = 0; i < CHANNELS; i++)
            if (i < count) to[i] = from[i];
    }
}

template <typename T, int PIXELS, int V>
__device__ void convolve(const Conv &c) {
    extern __shared__ __align__(16) unsigned char memory[];
    const int taps = c.kernel[0] * c.kernel[1], row = rounded(c.to, CHANNELS) + 16 / (int)sizeof(T);
    T *weights = (T *)memory; // [tap, from, to]
    T *zeros = weights + taps * c.from * row;
    T *images = zeros + rounded(c.from, 4);

    const int tiles = divided(c.images, c.tile), run = blockIdx.x / tiles, first = blockIdx.x % tiles * c.tile;
    const int count = min(c.tile, c.images - first);
    const int len = c.source_size[0] * c.source_size[1] * c.from, vectors = len / V;
    const T *source = (const T *)c.source + run * c.source_run + (Long)first * len;
    for (Counter i(threadIdx.x, blockDim.x, c.tile, vectors); i.a == 0 && i.b < count; i.next())
        fetch<V>(images + i.b * c.pitch + i.c * V, source + i.b * len + i.c * V);
    // In memory [out, tap, in], whichever way it goes.
    const T *w = (const T *)c.weights + run * c.weights_run;
    const int inner = c.back ? c.to : c.from, outer = c.back ? c.from : c.to;
    for (Counter i(threadIdx.x, blockDim.x, taps, inner); i.a < outer; i.next()) {
        int out = i.a, tap = i.b, in = i.c;
        fetch<1>(weights + (tap * c.from + (c.back ? out : in)) * row + (c.back ? in : out), w + (out * taps + tap) * inner + in);
    }
    for (int i = threadIdx.x; i < c.from; i += blockDim.x) zeros[i] = 0;
    fetched();

    const int phases = c.back ? c.stride : 1, blocks = divided(c.to, CHANNELS);
    const Activation<T> phi(c.phi, run);
    for (int item = threadIdx.x;; item += blockDim.x) {
        int rest = item, phase = 0, groups = 0;
        for (; phase < phases * phases; phase++) {
            groups = divided(Axis(c, phase / phases, 0).pixels * Axis(c, phase % phases, 1).pixels, PIXELS);
            if (rest < groups * blocks * count) break;
            rest -= groups * blocks * count;
        }
        if (phase == phases * phases) break;
        const Axis rows(c, phase / phases, 0), columns(c, phase % phases, 1);
        // Neighbours in a warp have the same channels, and so the same weights.
        const int image = rest % count, group = rest / count % groups, channel = rest / (count * groups) * CHANNELS;
        int y[PIXELS], x[PIXELS];
#pragma unroll
        for (int p = 0; p < PIXELS; p++) {
            int pixel = min(group + p * groups, rows.pixels * columns.pixels - 1);
            y[p] = pixel / columns.pixels, x[p] = pixel % columns.pixels;
        }

        T sum[PIXELS][CHANNELS] = {};
        for (int i = 0; i < rows.taps; i++) {
            int line[PIXELS]; // where the row seen begins, if it lies within the image
#pragma unroll
            for (int p = 0; p < PIXELS; p++) {
                int sy = rows.at + y[p] * rows.by_pixel + i * rows.by_tap;
                bool inside = (unsigned)sy < (unsigned)c.source_size[0];
                line[p] = inside ? image * c.pitch + sy * c.source_size[1] * c.from : -1;
            }
            for (int j = 0; j < columns.taps; j++) {
                const T *seen[PIXELS];
#pragma unroll
                for (int p = 0; p < PIXELS; p++) {
                    int sx = columns.at + x[p] * columns.by_pixel + j * columns.by_tap;
                    bool inside = line[p] >= 0 && (unsigned)sx < (unsigned)c.source_size[1];
                    seen[p] = inside ? images + line[p] + sx * c.from : zeros;
                }
                int tap = (rows.tap + i * rows.step) * c.kernel[1] + columns.tap + j * columns.step;
                const T *matrix = weights + tap * c.from * row + channel;
#pragma unroll 1
                for (int k = 0; k < c.from; k += V, matrix += V * row) {
                    T v[PIXELS][V];
#pragma unroll
                    for (int p = 0; p < PIXELS; p++) load<V>(v[p], seen[p] + k);
#pragma unroll
                    for (int u = 0; u < V; u++) {
                        T weight[CHANNELS];
                        load<CHANNELS>(weight, matrix + u * row);
#pragma unroll
                        for (int p = 0; p < PIXELS; p++)
#pragma unroll
                            for (int o = 0; o < CHANNELS; o++) sum[p][o] += v[p][u] * weight[o];
                    }
                }
            }
        }

        const T *bias = c.bias ? (const T *)c.bias + run * c.bias_run : nullptr;
        const int out_len = c.out_size[0] * c.out_size[1] * c.to;
#pragma unroll
        for (int p = 0; p < PIXELS; p++) {
            if (group + p * groups >= rows.pixels * columns.pixels) continue;
            int pixel = (rows.first + y[p] * rows.step) * c.out_size[1] + columns.first + x[p] * columns.step;
            Long at = ((Long)run * c.images + first + image) * out_len + pixel * c.to + channel;
            const int channels = min(c.to - channel, CHANNELS);
#pragma unroll
            for (int o = 0; o < CHANNELS; o++)
                if (bias && o < channels) sum[p][o] += bias[channel + o];
            if (c.sums) store_some((T *)c.sums + at, sum[p], channels, c.to);
            if (!c.through) continue;
            if (c.back) {
                T input[CHANNELS] = {}, output[CHANNELS] = {}; // of φ
                load_some(input, (const T *)c.y + at, channels, c.to);
                if (c.phi.kind != RELU) load_some(output, (const T *)c.x + at, channels, c.to);
#pragma unroll
                for (int o = 0; o < CHANNELS; o++) sum[p][o] = phi.backward(sum[p][o], input[o], output[o]);
            } else {
#pragma unroll
                for (int o = 0; o < CHANNELS; o++) sum[p][o] = phi.value(sum[p][o]);
            }
            store_some((T *)c.through + at, sum[p], channels, c.to);
        }
    }
}

// Gradients of weights and bias, a part for each stretch of a run's images: dw = Σ dz·x over windows, db = Σ dz. A thread has
// the products of some places of the patch with some channels, for one of `slices` parts of the windows.
struct ConvGradient {
    const void *x, *dz;
    void *weights, *bias; // [run, part, out, patch] and [run, part, out]
    Long x_run;
    int images, part, tile; // of a run; of a block; at once
    int in, out;            // channels
    int size[2], windows[2], kernel[2];
    int stride, padding;
    int items, slices; // of a block; gridDim.y blocks share all items
};

// Places of the patch that a thread has.
constexpr int PLACES = 4;

// A piece of work: a block of channels with some places of the patch, or, behind all of those, with the bias.
template <int V>
struct GradientItem {
    bool bias;
    int channel, group, groups;

    __device__ GradientItem(const ConvGradient &c, int groups, int item) : groups(groups) {
        int products = groups * divided(c.out, CHANNELS);
        bias = item >= products;
        group = item % groups;
        channel = (bias ? item - products : item / groups) * CHANNELS;
    }

    // Side by side where they are loaded at once; else apart, so that neighbouring threads have neighbours.
    __device__ int place(int k) const { return V == PLACES ? group * PLACES + k : group + k * groups; }
};

template <typename T, int V>
__device__ void convolve_gradient(const ConvGradient &c) {
    extern __shared__ __align__(16) unsigned char memory[];
    const int patch = c.kernel[0] * c.kernel[1] * c.in, groups = divided(patch, PLACES), wide = rounded(c.out, CHANNELS);
    // What the windows see of an image, zeros around it included.
    const int height = (c.windows[0] - 1) * c.stride + c.kernel[0], width = (c.windows[1] - 1) * c.stride + c.kernel[1];
    const int windows = c.windows[0] * c.windows[1], padded = rounded(height * width * c.in, 4);
    T *images = (T *)memory, *gradients = images + c.tile * padded;
    int *places = (int *)(gradients + c.tile * windows * wide);

    const int run = blockIdx.z, begin = blockIdx.x * c.part, end = min(begin + c.part, c.images);
    const int line = c.size[1] * c.in, vectors = line / V;
    const T *x = (const T *)c.x + run * c.x_run, *dz = (const T *)c.dz + (Long)run * c.images * windows * c.out;
    for (int i = threadIdx.x; i < c.tile * padded; i += blockDim.x) images[i] = 0;
    for (int i = threadIdx.x; i < c.tile * windows; i += blockDim.x) {
        int window = i % windows, y = window / c.windows[1], x = window % c.windows[1];
        places[i] = i / windows * padded + (y * width + x) * c.stride * c.in;
    }

    const int slice = threadIdx.x / c.items;
    const GradientItem<V> item(c, groups, blockIdx.y * c.items + threadIdx.x % c.items);
    const bool works = slice < c.slices && item.channel < c.out;
    int offset[PLACES];
#pragma unroll
    for (int k = 0; k < PLACES; k++) {
        int place = item.place(k);
        if (place >= patch) place = 0;
        int pixel = place / c.in;
        offset[k] = (pixel / c.kernel[1] * width + pixel % c.kernel[1]) * c.in + place % c.in;
    }

    T sum[PLACES][CHANNELS] = {};
    for (int first = begin; first < end; first += c.tile) {
        const int count = min(c.tile, end - first);
        __syncthreads();
        const T *from = x + (Long)first * c.size[0] * line;
        for (Counter i(threadIdx.x, blockDim.x, c.size[0], vectors); i.a < count; i.next()) {
            int image = i.a, y = i.b, at = i.c * V;
            // Last pixels that no window sees stay away.
            if (y + c.padding < height && at < (width - c.padding) * c.in)
                fetch<V>(images + image * padded + ((y + c.padding) * width + c.padding) * c.in + at,
                         from + (image * c.size[0] + y) * line + at);
        }
        from = dz + (Long)first * windows * c.out;
        if (wide == c.out) {
            for (int i = threadIdx.x * CHANNELS; i < count * windows * wide; i += blockDim.x * CHANNELS)
                fetch<CHANNELS>(gradients + i, from + i);
        } else {
            for (int i = threadIdx.x; i < count * windows * c.out; i += blockDim.x)
                gradients[i / c.out * wide + i % c.out] = from[i];
        }
        fetched();
        if (!works) continue;
        const T *mine = gradients + item.channel;
        if (item.bias) {
            for (int i = slice; i < count * windows; i += c.slices) {
                T d[CHANNELS];
                load<CHANNELS>(d, mine + i * wide);
#pragma unroll
                for (int o = 0; o < CHANNELS; o++) sum[0][o] += d[o];
            }
        } else {
            for (int i = slice; i < count * windows; i += c.slices) {
                const T *seen = images + places[i];
                T d[CHANNELS], v[PLACES];
                load<CHANNELS>(d, mine + i * wide);
                if constexpr (V == PLACES) {
                    load<V>(v, seen + offset[0]);
                } else {
#pragma unroll
                    for (int k = 0; k < PLACES; k++) v[k] = seen[offset[k]];
                }
#pragma unroll
                for (int k = 0; k < PLACES; k++)
#pragma unroll
                    for (int o = 0; o < CHANNELS; o++) sum[k][o] += v[k] * d[o];
            }
        }
    }

    // The slices together, in their order: [slice, place and channel, item].
    constexpr int SUMS = PLACES * CHANNELS;
    __syncthreads();
    T *found = (T *)memory;
    if (slice < c.slices) {
#pragma unroll
        for (int s = 0; s < SUMS; s++)
            found[(slice * SUMS + s) * c.items + threadIdx.x % c.items] = sum[s / CHANNELS][s % CHANNELS];
    }
    __syncthreads();
    const Long part = (Long)run * gridDim.x + blockIdx.x;
    for (int i = threadIdx.x; i < SUMS * c.items; i += blockDim.x) {
        const GradientItem<V> item(c, groups, blockIdx.y * c.items + i % c.items);
        const int s = i / c.items, place = item.place(s / CHANNELS), channel = item.channel + s % CHANNELS;
        if (channel >= c.out) continue;
        T total = 0;
        for (int slice = 0; slice < c.slices; slice++) total += found[(slice * SUMS + s) * c.items + i % c.items];
        if (item.bias) {
            if (s < CHANNELS && c.bias) ((T *)c.bias)[part * c.out + channel] = total;
        } else if (place < patch) {
            ((T *)c.weights)[(part * c.out + channel) * patch + place] = total;
        }
    }
}

#define CONVOLVE(T, PIXELS, V) \
    extern "C" __global__ void __launch_bounds__(256) convolve_##T##_##PIXELS##_##V(const __grid_constant__ Conv c) { \
        convolve<T, PIXELS, V>(c); \
    }
CONVOLVE(float, 1, 1)
CONVOLVE(float, 1, 4)
CONVOLVE(float, 2, 1)
CONVOLVE(float, 2, 4)
CONVOLVE(float, 4, 1)
CONVOLVE(float, 4, 4)
CONVOLVE(double, 1, 1)
CONVOLVE(double, 1, 4)
CONVOLVE(double, 2, 1)
CONVOLVE(double, 2, 4)
CONVOLVE(double, 4, 1)
CONVOLVE(double, 4, 4)

#define CONVOLVE_GRADIENT(T, V) \
    extern "C" __global__ void __launch_bounds__(320, 12 / sizeof(T)) \
        convolve_gradient_##T##_##V(const __grid_constant__ ConvGradient c) { \
        convolve_gradient<T, V>(c); \
    }
CONVOLVE_GRADIENT(float, 1)
CONVOLVE_GRADIENT(float, 4)
CONVOLVE_GRADIENT(double, 1)
CONVOLVE_GRADIENT(double, 4)
