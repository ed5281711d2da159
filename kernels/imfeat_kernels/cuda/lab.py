"""CIE L*a*b* of sRGB: a thread is a pixel, and all steps are in double precision, as on the CPU."""

import numpy as np

from imfeat_kernels.cpu import lab as cpu
from imfeat_kernels.cuda.front import cuda, on_device
from imfeat_kernels.cuda.launch import blocks_of, launch

light_of, curve, light_of_curve = on_device(cpu.light_of), on_device(cpu.curve), on_device(cpu.light_of_curve)
inverse_root_start, srgb_of_light = on_device(cpu.inverse_root_start), on_device(cpu.srgb_of_light)
f32, f64, i32 = np.float32, np.float64, np.int32
X_R, X_G, X_B = cpu.X_R, cpu.X_G, cpu.X_B
Y_R, Y_G, Y_B = cpu.Y_R, cpu.Y_G, cpu.Y_B
Z_R, Z_G, Z_B = cpu.Z_R, cpu.Z_G, cpu.Z_B
R_X, R_Y, R_Z = cpu.R_X, cpu.R_Y, cpu.R_Z
G_X, G_Y, G_Z = cpu.G_X, cpu.G_Y, cpu.G_Z
B_X, B_Y, B_Z = cpu.B_X, cpu.B_Y, cpu.B_Z


def rgb_to_lab(pixels, out):
    """Convert sRGB in [0, 1] to L*a*b*."""
    launch(_rgb_to_lab, blocks_of(out.size // 3), pixels, cpu.POWER, out)


def rgb_to_lab_bytes(pixels, out):
    """Convert 8-bit sRGB to L*a*b*."""
    launch(_rgb_to_lab_bytes, blocks_of(out.size // 3), pixels, cpu.LIGHT_OF_BYTES, out)


def lab_to_rgb(pixels, out):
    """Convert L*a*b* to sRGB."""
    launch(_lab_to_rgb, blocks_of(out.size // 3), pixels, out)


@cuda.jit(device=True)
def _write_lab(r, g, b, first, out):
    x = X_R * r + X_G * g + X_B * b
    y = Y_R * r + Y_G * g + Y_B * b
    z = Z_R * r + Z_G * g + Z_B * b
    x = curve(x, inverse_root_start(f32(x)))
    y = curve(y, inverse_root_start(f32(y)))
    z = curve(z, inverse_root_start(f32(z)))
    out[first] = f32(f64(116) * y - f64(16))
    out[first + 1] = f32(f64(500) * (x - y))
    out[first + 2] = f32(f64(200) * (y - z))


@cuda.jit
def _rgb_to_lab(pixels, power, out):
    first = 3 * cuda.grid(1)
    if first < out.size:
        r = light_of(f64(pixels[first]), power)
        g = light_of(f64(pixels[first + 1]), power)
        b = light_of(f64(pixels[first + 2]), power)
        _write_lab(r, g, b, first, out)


@cuda.jit
def _rgb_to_lab_bytes(pixels, light, out):
    first = 3 * cuda.grid(1)
    if first < out.size:
        r, g, b = light[pixels[first]], light[pixels[first + 1]], light[pixels[first + 2]]
        _write_lab(r, g, b, first, out)


@cuda.jit
def _lab_to_rgb(pixels, out):
    first = 3 * cuda.grid(1)
    if first < out.size:
        across = (f64(pixels[first]) + f64(16)) / f64(116)
        light_x = light_of_curve(across + f64(pixels[first + 1]) / f64(500))
        light_z = light_of_curve(max(across - f64(pixels[first + 2]) / f64(200), f64(0)))
        light_y = light_of_curve(across)
        out[first] = f32(srgb_of_light(R_X * light_x + R_Y * light_y + R_Z * light_z))
        out[first + 1] = f32(srgb_of_light(G_X * light_x + G_Y * light_y + G_Z * light_z))
        out[first + 2] = f32(srgb_of_light(B_X * light_x + B_Y * light_y + B_Z * light_z))
