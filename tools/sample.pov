// The scene that ./run renders on the farm: a bead runs round a ring once in 48 frames.
#version 3.7;
global_settings { assumed_gamma 1.0 max_trace_level 6 }
#declare Turn = clock * 2 * pi * 47 / 48; // the last frame is one before the first
background { rgb <0.05, 0.06, 0.08> }
camera { location <0, 2.6, -5> look_at <0, 0.1, 0> angle 40 right x * image_width / image_height }
light_source { <4, 6, -5> rgb 1.1 }
light_source { <-6, 3, -2> rgb <0.15, 0.2, 0.3> shadowless }
plane { y, -0.6 pigment { checker rgb 0.22, rgb 0.28 } finish { reflection 0.08 } }
torus { 1.5, 0.12 pigment { rgb <0.45, 0.48, 0.52> } finish { phong 0.8 reflection 0.15 } }
sphere { <1.5 * cos(Turn), 0.25, 1.5 * sin(Turn)>, 0.32 pigment { rgb <0.95, 0.55, 0.18> } finish { phong 0.9 reflection 0.1 } }
