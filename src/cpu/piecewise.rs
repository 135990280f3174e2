//! The ReLU family in vectors.

use super::simd::Vector;

/// An activation of straight pieces: h = φ(z), dz = dh·φ′.
pub trait Piecewise: Copy {
    /// True if φ(z) = max(z, 0).
    const RECTIFIES: bool = false;
    /// φ(z). NaN stays NaN.
    fn value<V: Vector>(self, z: V) -> V;
    /// dh·φ′, where `saved` is what the forward pass kept: h for all but [`Bent`], which needs z.
    fn slope<V: Vector>(self, gradient: V, saved: V) -> V;
}

/// h = z.
#[derive(Clone, Copy)]
pub struct Straight;

/// h = max(z, 0).
#[derive(Clone, Copy)]
pub struct Rectified;

/// z above zero, leak·z below.
#[derive(Clone, Copy)]
pub struct Leaky(pub f32);

/// min(leaky(z) − shift, max).
#[derive(Clone, Copy)]
pub struct Bent {
    /// Slope below zero.
    pub leak: f32,
    /// Subtracted after.
    pub shift: f32,
    /// Ceiling.
    pub max: f32,
}

impl Piecewise for Straight {
    #[inline(always)]
    fn value<V: Vector>(self, z: V) -> V {
        z
    }
    #[inline(always)]
    fn slope<V: Vector>(self, gradient: V, _: V) -> V {
        gradient
    }
}

impl Piecewise for Rectified {
    const RECTIFIES: bool = true;

    #[inline(always)]
    fn value<V: Vector>(self, z: V) -> V {
        // Where z is NaN, `higher` takes it.
        V::splat(0.0).higher(z)
    }
    #[inline(always)]
    fn slope<V: Vector>(self, gradient: V, saved: V) -> V {
        saved.if_above(V::splat(0.0), gradient, V::splat(0.0))
    }
}

impl Piecewise for Leaky {
    #[inline(always)]
    fn value<V: Vector>(self, z: V) -> V {
        z.if_above(V::splat(0.0), z, z.mul(V::splat(self.0)))
    }
    #[inline(always)]
    fn slope<V: Vector>(self, gradient: V, saved: V) -> V {
        saved.if_above(V::splat(0.0), gradient, gradient.mul(V::splat(self.0)))
    }
}

impl Piecewise for Bent {
    #[inline(always)]
    fn value<V: Vector>(self, z: V) -> V {
        // Where one is NaN, `lower` takes the second.
        V::splat(self.max).lower(Leaky(self.leak).value(z).sub(V::splat(self.shift)))
    }
    #[inline(always)]
    fn slope<V: Vector>(self, gradient: V, saved: V) -> V {
        let side = Leaky(self.leak).value(saved).sub(V::splat(self.shift));
        side.if_above(V::splat(self.max), V::splat(0.0), Leaky(self.leak).slope(gradient, saved))
    }
}
