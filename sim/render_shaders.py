"""What the OpenGL renderer runs on the device: one source, from which a picture's program takes what it needs.

The tabletop needs nothing of it and gets the program that its pictures have always been drawn with.
"""

from __future__ import annotations

from dataclasses import dataclass

# A uniform block may hold 16 KiB on any OpenGL 3.3.
_BLOCK_BYTES = 16_384


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a picture needs. textured: some part has a texture. room: shadows that are soft and follow the cameras, from
    a lamp that may stand in the room. wide: ids that don't fit into a byte, beside the depth instead of the colour."""

    textured: bool = False
    room: bool = False
    wide: bool = False

    @property
    def part_floats(self) -> int:
        """Of one part in its block: matrix, colour, and where a texture is needed its layer."""
        return 24 if self.textured else 20

    @property
    def block_parts(self) -> int:
        """How many parts one block holds."""
        return 160 if self.textured else 200

    def source(self, body: str) -> str:
        """The text of one shader."""
        assert self.part_floats * 4 * self.block_parts <= _BLOCK_BYTES
        flags = [name for name in ("textured", "room", "wide") if getattr(self, name)]
        defines = "".join(f"#define {flag.upper()}\n" for flag in flags)
        return f"#version 330\n{defines}#define PARTS {self.block_parts}\n{body}"


_PARTS = """
struct Part {
    mat4 world_T_part;
    vec4 colour;
#ifdef TEXTURED
    vec4 layer;
#endif
};
layout(std140) uniform Parts { Part parts[PARTS]; };
in int part;
in vec3 position;
"""
VERTEX = (
    _PARTS
    + """
uniform mat4 view_projection, light;
uniform vec4 view_depth;
in vec3 normal;
out vec3 world_normal;
#ifdef ROOM
out vec3 world_point;
out vec4 light_point;
#else
out vec3 light_point;
#endif
#ifdef TEXTURED
in vec2 uv;
out vec3 texel;
#endif
out float depth_m;
flat out vec4 part_colour;
void main() {
    vec4 world = parts[part].world_T_part * vec4(position, 1.0);
    world_normal = mat3(parts[part].world_T_part) * normal;
#ifdef ROOM
    world_point = world.xyz;
    light_point = light * world;
#else
    light_point = (light * world).xyz * 0.5 + 0.5;
#endif
#ifdef TEXTURED
    texel = vec3(uv, parts[part].layer.x);
#endif
    depth_m = dot(view_depth, world);
    part_colour = parts[part].colour;
    gl_Position = view_projection * world;
}
"""
)
# Soft shadows: the share of 12 places of a disc around the point that the lamp sees (percentage-closer filtering,
# Reeves et al. 1987), each held against the plane of the surface rather than its one depth (Isidoro 2006), or slopes
# would darken themselves. The first four decide alone where they agree; llvmpipe leaves a loop early, but never skips a
# branch.
FRAGMENT = """
uniform float ambient, diffuse, shadow;
uniform sampler2DShadow shadow_map;
in vec3 world_normal;
#ifdef ROOM
uniform vec4 lamp;  // where it is, and 1; or towards it, and 0
uniform vec2 softness;
uniform float bias;
uniform int taps;
in vec3 world_point;
in vec4 light_point;
const vec2 DISC[12] = vec2[12](
    vec2(0.68, 0.62), vec2(-0.65, 0.66), vec2(-0.63, -0.68), vec2(0.67, -0.64),
    vec2(0.16, 0.30), vec2(-0.33, 0.10), vec2(-0.10, -0.36), vec2(0.34, -0.12),
    vec2(0.95, -0.02), vec2(0.03, 0.97), vec2(-0.96, 0.04), vec2(-0.02, -0.95)
);
float lit_share(float facing) {
    vec3 point = light_point.xyz / light_point.w * 0.5 + 0.5;
    vec3 dx = dFdx(point), dy = dFdy(point);
    float area = dx.x * dy.y - dx.y * dy.x;
    vec2 slope = vec2(dy.y * dx.z - dx.y * dy.z, dx.x * dy.z - dy.x * dx.z);
    slope = abs(area) > 1e-12 ? clamp(slope / area, -8.0, 8.0) : vec2(0.0);
    bool within = facing > 0.0 && all(greaterThan(point, vec3(0.0))) && all(lessThan(point, vec3(1.0)));
    int last = within ? taps : 0;
    vec2 radius = max(softness / light_point.w, 1.0 / vec2(textureSize(shadow_map, 0)));
    float sum = 0.0, count = 0.0;
    for (int i = 0; i < last; i++) {
        if (i == 4 && (sum < 0.001 || sum > 3.999)) break;
        vec2 step = DISC[i] * radius;
        sum += texture(shadow_map, vec3(point.xy + step, point.z - bias + dot(slope, step)));
        count += 1.0;
    }
    return count > 0.0 ? sum / count : 1.0;
}
#else
uniform vec3 to_light;
in vec3 light_point;
#endif
#ifdef TEXTURED
uniform sampler2DArray textures;
in vec3 texel;
#endif
in float depth_m;
flat in vec4 part_colour;
layout(location = 0) out vec4 colour;
#ifdef WIDE
layout(location = 1) out vec2 depth;
#else
layout(location = 1) out float depth;
#endif
void main() {
#ifdef ROOM
    float facing = max(dot(normalize(world_normal), normalize(lamp.xyz - lamp.w * world_point)), 0.0);
    float lit = 1.0 - shadow * (1.0 - lit_share(facing));
#else
    float facing = max(dot(normalize(world_normal), to_light), 0.0);
    float lit = 1.0;
    if (shadow > 0.0 && facing > 0.0) {
        float bias = 0.0015 + 0.004 * (1.0 - facing);
        lit = 1.0 - shadow * (1.0 - texture(shadow_map, vec3(light_point.xy, light_point.z - bias)));
    }
#endif
    vec3 surface = part_colour.rgb;
#ifdef TEXTURED
    surface *= texture(textures, texel).rgb;
#endif
    colour = vec4(surface * (ambient + diffuse * facing * lit), part_colour.a);
#ifdef WIDE
    depth = vec2(depth_m, part_colour.a);
#else
    depth = depth_m;
#endif
}
"""
SHADOW_VERTEX = (
    _PARTS
    + """
uniform mat4 light;
void main() { gl_Position = light * (parts[part].world_T_part * vec4(position, 1.0)); }
"""
)
SHADOW_FRAGMENT = """
void main() {}
"""
DEPTH_VERTEX = (
    _PARTS
    + """
uniform mat4 view_projection;
uniform vec4 view_depth;
out float depth_m;
void main() {
    vec4 world = parts[part].world_T_part * vec4(position, 1.0);
    depth_m = dot(view_depth, world);
    gl_Position = view_projection * world;
}
"""
)
DEPTH_FRAGMENT = """
in float depth_m;
layout(location = 0) out float depth;
void main() { depth = depth_m; }
"""
