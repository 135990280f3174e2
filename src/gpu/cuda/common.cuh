// What the kernels share: wide loads, activations, sums of a block in a fixed order.
#pragma once
#include <cuda_pipeline.h>
#include <math_constants.h>

typedef long long Long;

__host__ __device__ constexpr int divided(int a, int b) { return (a + b - 1) / b; }
__host__ __device__ constexpr int rounded(int a, int b) { return divided(a, b) * b; }

// i = (a·B + b)·C + c for i that grows by one step, without dividing again.
struct Counter {
    int a, b, c;

    __device__ Counter(int i, int step, int B, int C)
        : a(i / C / B), b(i / C % B), c(i % C), da(step / C / B), db(step / C % B), dc(step % C), B(B), C(C) {}

    __device__ __forceinline__ void next() {
        a += da, b += db, c += dc;
        if (c >= C) c -= C, b++;
        if (b >= B) b -= B, a++;
    }

  private:
    int da, db, dc, B, C;
};

template <typename T>
struct Wide;
template <>
struct Wide<float> {
    typedef float4 Type;
};
template <>
struct Wide<double> {
    typedef double2 Type;
};

// N values that lie side by side; unless N is 1, in steps of 16 bytes, and the address is a multiple of them.
template <int N, typename T>
__device__ __forceinline__ void load(T (&to)[N], const T *from) {
    if constexpr (N == 1) {
        to[0] = *from;
    } else {
        typedef typename Wide<T>::Type W;
        constexpr int LANES = sizeof(W) / sizeof(T);
#pragma unroll
        for (int i = 0; i < N / LANES; i++) {
            W wide = ((const W *)from)[i];
            to[LANES * i] = wide.x, to[LANES * i + 1] = wide.y;
            if constexpr (LANES == 4) to[LANES * i + 2] = wide.z, to[LANES * i + 3] = wide.w;
        }
    }
}

template <int N, typename T>
__device__ __forceinline__ void store(T *to, const T (&from)[N]) {
    if constexpr (N == 1) {
        *to = from[0];
    } else {
        typedef typename Wide<T>::Type W;
        constexpr int LANES = sizeof(W) / sizeof(T);
#pragma unroll
        for (int i = 0; i < N / LANES; i++) {
            W wide;
            wide.x = from[LANES * i], wide.y = from[LANES * i + 1];
            if constexpr (LANES == 4) wide.z = from[LANES * i + 2], wide.w = from[LANES * i + 3];
            ((W *)to)[i] = wide;
        }
    }
}

// Begins to copy N values into shared memory; they are there after fetched().
template <int N, typename T>
__device__ __forceinline__ void fetch(T *to, const T *from) {
    constexpr int BYTES = N * sizeof(T) < 16 ? N * sizeof(T) : 16;
#pragma unroll
    for (int i = 0; i < N * (int)sizeof(T) / BYTES; i++)
        __pipeline_memcpy_async((char *)to + i * BYTES, (const char *)from + i * BYTES, BYTES);
}

__device__ __forceinline__ void fetched() {
    __pipeline_commit();
    __pipeline_wait_prior(0);
    __syncthreads();
}

// Σ over a block of up to 1024 threads, the same order every time; thread 0 has the result.
template <typename T, typename Join>
__device__ T joined(T value, Join join) {
    __shared__ T warps[32];
    for (int apart = 16; apart > 0; apart /= 2) value = join(value, __shfl_down_sync(~0u, value, apart));
    if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = value;
    __syncthreads();
    if (threadIdx.x == 0)
        for (int warp = 1; warp < (int)blockDim.x / 32; warp++) value = join(value, warps[warp]);
    __syncthreads();
    return value;
}

template <typename T>
__device__ T block_sum(T value) {
    return joined(value, [](T a, T b) { return a + b; });
}

// The numbers of PhiKind, in the host's order.
enum PhiKind { IDENTITY, RELU, TANH, SIGMOID, GELU, GELU_TANH, SILU, ELU, SOFTPLUS };

struct Phi {
    const void *relu; // leak, shift and ceiling of each run
    int kind;
    double alpha, lambda; // ELU: lambda times it
};

__device__ __forceinline__ float exp_of(float x) { return expf(x); }
__device__ __forceinline__ double exp_of(double x) { return exp(x); }
__device__ __forceinline__ float tanh_of(float x) { return tanhf(x); }
__device__ __forceinline__ double tanh_of(double x) { return tanh(x); }
__device__ __forceinline__ float erf_of(float x) { return erff(x); }
__device__ __forceinline__ double erf_of(double x) { return erf(x); }
__device__ __forceinline__ float log1p_of(float x) { return log1pf(x); }
__device__ __forceinline__ double log1p_of(double x) { return log1p(x); }

template <typename T>
__device__ __forceinline__ T sigmoid(T z) {
    return T(1) / (T(1) + exp_of(-z));
}

constexpr double ROOT_2_OVER_PI = 0.79788456080286535588, CUBE = 0.044715;

// φ for one run.
template <typename T>
struct Activation {
    int kind;
    T leak, shift, ceiling, alpha, lambda;

    __device__ Activation(const Phi &phi, int run) : kind(phi.kind), alpha(phi.alpha), lambda(phi.lambda) {
        if (kind == RELU) {
            const T *numbers = (const T *)phi.relu + 3 * run;
            leak = numbers[0], shift = numbers[1], ceiling = numbers[2];
        }
    }

    // A leak of 0 is put in and not multiplied in: its product with an infinite z would be NaN. NaN stays NaN.
    __device__ T shifted(T z) const { return (z <= T(0) ? (leak == T(0) ? T(0) : leak * z) : z) - shift; }

    __device__ __forceinline__ T value(T z) const {
        if (kind == RELU) {
            T h = shifted(z);
            return h > ceiling ? ceiling : h;
        }
        return smooth(kind, alpha, lambda, z);
    }

    // The others, once in the code of a kernel.
    static __device__ __noinline__ T smooth(int kind, T alpha, T lambda, T z) {
        switch (kind) {
        case TANH: return tanh_of(z);
        case SIGMOID: return sigmoid(z);
        case GELU: return z * normal(z);
        case GELU_TANH: return T(0.5) * z * (T(1) + tanh_of(inner(z)));
        case SILU: return z * sigmoid(z);
        case ELU: return lambda * (z > T(0) ? z : alpha * (exp_of(z) - T(1)));
        case SOFTPLUS: return (z > T(0) ? z : T(0)) + log1p_of(exp_of(z > T(0) ? -z : z));
        default: return z;
        }
    }

    // dh·φ′(z)
    __device__ __forceinline__ T backward(T dh, T z, T h) const {
        if (kind == RELU) {
            T dz = z <= T(0) ? (leak == T(0) ? T(0) : leak * dh) : dh;
            return shifted(z) > ceiling ? T(0) : dz;
        }
        return smooth_backward(kind, alpha, lambda, dh, z, h);
    }

    static __device__ __noinline__ T smooth_backward(int kind, T alpha, T lambda, T dh, T z, T h) {
        switch (kind) {
        case TANH: return dh * (T(1) - h * h);
        case SIGMOID: return dh * (h * (T(1) - h));
        case GELU: return dh * (normal(z) + z * exp_of(T(-0.5) * z * z) * T(0.39894228040143267794));
        case GELU_TANH: {
            T t = tanh_of(inner(z));
            T slope = T(ROOT_2_OVER_PI) * (T(1) + T(3 * CUBE) * z * z);
            return dh * (T(0.5) * (T(1) + t) + T(0.5) * z * (T(1) - t * t) * slope);
        }
        case SILU: {
            T s = sigmoid(z);
            return dh * (s + h * (T(1) - s));
        }
        case ELU: return dh * (lambda * (z > T(0) ? T(1) : alpha * exp_of(z)));
        case SOFTPLUS: return dh * sigmoid(z);
        default: return dh;
        }
    }

    static __device__ T normal(T z) { return T(0.5) + T(0.5) * erf_of(z * T(0.70710678118654752440)); }
    static __device__ T inner(T z) { return T(ROOT_2_OVER_PI) * (z + T(CUBE) * z * z * z); }
};
