// The two ends of a step: images of a batch, and the loss of its outputs.
#include "common.cuh"

// Images by index, from bytes to numbers.
struct Images {
    const unsigned char *bytes;
    const unsigned *indices;
    float *images;
    float scale, offset;
    int pixels; // of an image
    Long len;   // of all images together
};

extern "C" __global__ void images(const __grid_constant__ Images c) {
    const Long step = (Long)gridDim.x * blockDim.x;
    if (c.pixels % 4 == 0) {
        for (Long i = (Long)blockIdx.x * blockDim.x + threadIdx.x; i < c.len / 4; i += step) {
            const unsigned quads = c.pixels / 4, image = i / quads, quad = i % quads;
            uchar4 bytes = ((const uchar4 *)c.bytes)[(Long)c.indices[image] * quads + quad];
            ((float4 *)c.images)[i] = make_float4(bytes.x * c.scale + c.offset, bytes.y * c.scale + c.offset,
                                                  bytes.z * c.scale + c.offset, bytes.w * c.scale + c.offset);
        }
    } else {
        for (Long i = (Long)blockIdx.x * blockDim.x + threadIdx.x; i < c.len; i += step)
            c.images[i] = c.bytes[(Long)c.indices[i / c.pixels] * c.pixels + i % c.pixels] * c.scale + c.offset;
    }
}

// Cross-entropy of the softmax of outputs [run, row, class]: a block for each run, a thread for each row.
struct CrossEntropy {
    const void *outputs;
    const unsigned *labels;
    void *gradient;
    double *loss, *correct; // of each run
    double scale;           // of the gradient
    int rows, classes;
};

__device__ __forceinline__ float log_of(float x) { return logf(x); }
__device__ __forceinline__ double log_of(double x) { return log(x); }

template <typename T>
__device__ void cross_entropy(const CrossEntropy &c) {
    double loss = 0;
    int correct = 0;
    for (int row = threadIdx.x; row < c.rows; row += blockDim.x) {
        const Long at = (Long)blockIdx.x * c.rows + row;
        const T *outputs = (const T *)c.outputs + at * c.classes;
        T *gradient = (T *)c.gradient + at * c.classes;
        const int label = c.labels[at];
        T greatest = outputs[0];
        int answer = 0;
        // NaN is never the answer.
        for (int i = 1; i < c.classes; i++)
            if (outputs[i] > greatest || greatest != greatest) greatest = outputs[i], answer = i;
        T sum = 0;
        for (int i = 0; i < c.classes; i++) sum += exp_of(outputs[i] - greatest);
        const T whole = log_of(sum);
        for (int i = 0; i < c.classes; i++) {
            T logarithm = outputs[i] - greatest - whole;
            if (i == label) loss -= logarithm;
            gradient[i] = (exp_of(logarithm) - T(i == label)) * T(c.scale);
        }
        // A row whose loss is NaN predicts nothing.
        correct += answer == label && sum == sum;
    }
    loss = block_sum(loss), correct = block_sum(correct);
    if (threadIdx.x == 0) c.loss[blockIdx.x] = loss, c.correct[blockIdx.x] = correct;
}

extern "C" __global__ void cross_entropy_float(const __grid_constant__ CrossEntropy c) { cross_entropy<float>(c); }
extern "C" __global__ void cross_entropy_double(const __grid_constant__ CrossEntropy c) { cross_entropy<double>(c); }
