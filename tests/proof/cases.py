"""For each rule a spec that needs it, and a mutant (one sign, one transpose, one bound changed) that must not be proved.

The claim to be proved is the spec's last one.
"""
from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    rule: str
    spec: str
    old: str
    new: str


VECTOR = "model M\ndim n = 3, m = 2\nstate x : R[n]\nparam A(t) : R[m, n]\nparam b(t) : R[m]\n"
BOUNDED = VECTOR.replace("R[m, n]", "R[m, n], norm <= 1")
PAIR = "model M\nstate q, p : R\nfield drift { q' = p }\nfield kick { p' = -sin(q) }\n"
SQUARE = "model M\ndim n = 3\nstate x : R[n]\nparam A(t) : R[n, n], orthogonal\nparam b(t) : R[n]\n"

CONVOLUTION = ("model M\ndim c = 2\nstate u : R[c, 4, 4]\nparam K(t) : conv(c, 2*c, size = 3, padding = circular), orthogonal\n"
               "param b(t) : R[2*c]\nfield f { u' = -K.T @ leaky_relu(K @ u + b, 1/2) }\n")

ENERGY = ("model M\ndim n = 3, m = 4\nstate x : R[n]\nparam K : R[m, n]\nparam a : R[m]\n"
          "def H(x) = sum(logcosh(K @ x + a)) + dot(x, x)/2\n")

PENDULA = ("model M\nstate q, p : R[2]\n"
           "def H(q, p) = (p[0]^2 + 2*p[1]^2 - 2*p[0]*p[1]*cos(q[0] - q[1]))/(2*(1 + sin(q[0] - q[1])^2)) - 2*cos(q[0]) - cos(q[1])\n"
           "field f { q' = grad(H(q, p), p)  p' = -grad(H(q, p), q) }\n")

CASES = (
    Case("zero trace", "model M\ndim n = 3\nstate x : R[n]\nparam S : R[n, n], skew\nfield f { x' = tanh(S @ x) }\n"
         "claim f : divergence_free", ", skew", ", symmetric"),
    Case("zero trace", "model M\nstate x, y : R\nfield f { x' = x*y  y' = -y^2/2 }\nclaim f : divergence_free", "-y^2/2", "y^2/2"),
    Case("symmetric jacobian", VECTOR + "field f { x' = A.T @ gelu(A @ x + b) }\nclaim f : gradient", "A.T @ gelu",
         "mean(x) * x + A.T @ gelu"),
    Case("given potential", "model M\nstate x : R\nfield f { x' = x - x^3 }\nclaim f : gradient(x^2/2 - x^4/4)", "- x^4/4", "+ x^4/4"),
    Case("given potential", PAIR + "claim drift + kick : hamiltonian(p^2/2 - cos(q))", "- cos", "+ cos"),
    Case("hamiltonian jacobian", "model M\ndim n = 3\nstate q, p : R[n]\nparam S : R[n, n], symmetric\n"
         "field f { q' = S @ p  p' = -S @ gelu(S @ q) }\nclaim f : hamiltonian", ", symmetric", ""),
    Case("spectral bound", VECTOR + "field f { x' = -A.T @ tanh(A @ x + b) }\nclaim f : nonexpansive", "-A.T", "A.T"),
    Case("spectral bound", SQUARE + "field f { x' = -A.T @ leaky_relu(A @ x + b, 1/2) }\nclaim f : contractive(1/2)",
         "contractive(1/2)", "contractive(51/100)"),
    Case("principal minors", "model M\nstate x, y : R\nfield f { x' = y - x  y' = -y }\nclaim f : nonexpansive", "y - x", "3*y - x"),
    Case("logarithmic norm", "model M\ndim n = 3\nstate x : R[n]\nparam P : R[n, n], stochastic\n"
         "field f { x' = P @ tanh(x) - 2*x }\nclaim f : contractive(1, norm = inf)", "norm = inf", "norm = 1"),
    Case("norm of the jacobian", "model M\ndim n = 3\nstate x : R[n]\nparam A : R[n, n], norm <= 2\nfield f { x' = A @ sin(A @ x) }\n"
         "claim f : lipschitz(4)", "lipschitz(4)", "lipschitz(3)"),
    Case("first integral", "model M\nstate x, y, z : R\nfield f { x' = y*z  y' = x*z  z' = -2*x*y }\n"
         "claim f : preserves(x^2 + y^2 + z^2)", "-2*x*y", "-3*x*y"),
    Case("dissipation", "model M\nstate q, p : R\nparam c : R, positive\nfield f { q' = p  p' = -q - c*p }\n"
         "claim f : dissipates(q^2 + p^2)", "- c*p", "+ c*p"),
    Case("gradient descent", "model M\ndim n = 3\nstate x : R[n]\nparam A : R[n, n]\ndef V(x) = sum(logcosh(A @ tanh(A @ x)))\n"
         "field f { x' = -grad(V(x), x) }\nclaim f : dissipates(V(x))", "-grad", "grad"),
    Case("named gradient", ENERGY + "param J : R[n, n], skew\nparam D : R[n, n], psd\nfield f { x' = (J - D) @ grad(H(x), x) }\n"
         "claim f : dissipates(H(x))", "J - D", "J + D"),
    Case("named gradient", ENERGY + "param J : R[n, n], skew\nfield f { x' = J @ grad(H(x), x) }\nclaim f : preserves(2*H(x))",
         ", skew", ", symmetric"),
    Case("named gradient", ENERGY + "param W : R[n, n], norm <= 1\nfield f { x' = (W - eye(n)) @ grad(H(x), x) }\n"
         "claim f : dissipates(H(x))", "norm <= 1", "norm <= 2"),
    Case("named gradient", "model M\ndim n = 3\nstate x : R[n]\nparam W : R[n, n], symmetric\nfield f { x' = -x + W @ tanh(x) }\n"
         "claim f : dissipates(dot(x, tanh(x)) - sum(logcosh(x)) - dot(tanh(x), W @ tanh(x))/2)", ", symmetric", ""),
    Case("dissipation", "model M\nstate q, p : R\nfield f { q' = p  p' = -sin(q) - q - 2*p }\nclaim f : dissipates(q^2 + p^2 + q*p)",
         "-sin(q)", "-3*sin(q)"),
    Case("dissipation", "model M\nstate x, y : R\nfield f { x' = y - x - atan(x) + atan(y)  y' = x - y + atan(x) - atan(y) }\n"
         "claim f : dissipates(x^2 + y^2)", "- atan(y) }", "+ atan(y) }"),
    Case("dissipation", "model M\nstate x, y, z : R\nfield f { x' = 10*(y - x)  y' = x*(28 - z) - y  z' = x*y - 8*z/3 }\n"
         "claim f : dissipates(x^2 + y^2 + (z - 38)^2) on x^2 + y^2 + (z - 38)^2 >= 1600", "1600", "1000"),
    Case("around a fixed point", "model M\ndim n = 3\nstate x : R[n]\nparam W : R[n, n], norm <= 1\nfield f { x' = tanh(W @ x) - x }\n"
         "claim f : dissipates(norm(x))", "norm <= 1", "norm <= 2"),
    Case("given potential", PENDULA + "claim f : hamiltonian(H(q, p))", "p' = -grad(H(q, p), q)", "p' = -grad(H(q, p), q) + [0, q[0]]"),
    Case("named gradient", PENDULA + "claim f : preserves(H(q, p))", "p' = -grad(H(q, p), q)", "p' = grad(H(q, p), q)"),
    Case("first integral", "model M\nstate q, p : R[2]\nfield f { q' = p  p' = [-q[0] - 2*q[0]*q[1], -q[1] - q[0]^2 + q[1]^2] }\n"
         "claim f : preserves(dot(p, p)/2 + dot(q, q)/2 + q[0]^2*q[1] - q[1]^3/3)", "q[1]^3/3", "q[1]^3/2"),
    Case("first integral", "model M\nstate m : R[3]\nparam W : R[3, 3]\ndef H(m) = sum(logcosh(W @ m))\n"
         "field f { m' = skew([-m[2], m[1], -m[0]]) @ grad(H(m), m) }\nclaim f : preserves(norm(m))", "[-m[2]", "[m[2]"),
    Case("dissipation", "model M\nstate q, p : R[2]\nparam k : R[2], positive\n"
         "field f { q' = p  p' = [-q[0] - 2*q[0]*q[1] - k[0]*p[0], -q[1] - q[0]^2 + q[1]^2] }\n"
         "claim f : dissipates(dot(p, p)/2 + dot(q, q)/2 + q[0]^2*q[1] - q[1]^3/3)", "- k[0]*p[0]", "+ k[0]*p[0]"),
    Case("zero trace", "model M\nstate x : R[2]\nfield f { x' = [sin(x[0]) + x[1], -x[1]*cos(x[0])] }\nclaim f : divergence_free",
         "-x[1]*cos", "x[1]*cos"),
    Case("first integral", "model M\nstate u : R[1, 8, 8]\nparam K : conv(1, 1, size = 3, padding = circular)\n"
         "field f { u' = K @ u - K.T @ u }\nclaim f : preserves(sum(u))", "circular", "zero"),
    Case("quasi-positive", "model M\nstate s, i : R\nparam b : R, positive\nfield f { s' = -b*s*i  i' = b*s*i - i }\n"
         "claim f : positive", "b*s*i - i", "b*s*i - 1"),
    Case("substitution", "model M\nstate x, y : R\nfield f { x' = y  y' = sin(x) - x^3 }\nclaim f : equivariant(sign)", "x^3", "x^2"),
    Case("commuting letters", "model M\ndim n = 3\nstate x : R[n]\nfield f { x' = tanh(x) - mean(x) * ones(n) }\n"
         "claim f : equivariant(permutation)", "tanh(x)", "cumsum(x)"),
    Case("exact flow", PAIR + "flow net = strang(drift, kick) over [0, 1] steps 4\nclaim net : symplectic", "p' = -sin(q)",
         "p' = -sin(q) * (1 + p - p) - p"),
    Case("straight flow", "model M\ndim n = 3\nstate q, p : R[n]\nparam a(t) : R[n]\nparam b(t) : R[n]\nfield f { "
         "q' = b*tanh(dot(a, q) + dot(b, p))  p' = -a*tanh(dot(a, q) + dot(b, p)) }\nflow net = lie(f: euler) over [0, 1] steps 4\n"
         "claim net : symplectic", "-a*tanh", "a*tanh"),
    Case("volume of a midpoint step", "model M\ndim n = 6, m = 6\nstate y : R[n]\nparam J : R[n, n], skew\nparam K : R[m, n]\n"
         "field f { y' = J @ K.T @ tanh(K @ y) }\nflow net = lie(f: implicit_midpoint) over [0, 1] steps 4\n"
         "claim net : volume_preserving", "J @ K.T @", "J @ J @ K.T @"),
    Case("exact flow of a contraction", "model M\ndim n = 3\nstate x : R[n]\nparam d : R[n], positive\nfield f { x' = -d * x }\n"
         "flow net = lie(f) over [0, 3] steps 3\nclaim net : nonexpansive", "-d * x", "d * x"),
    Case("composition", "model M\nstate q, p : R\nfield f { q' = p  p' = -sin(q) }\nflow net = lie(f: implicit_midpoint) over [0, 1] steps 4\n"
         "claim net : volume_preserving", "implicit_midpoint", "implicit_euler"),
    Case("symplectic method", "model M\nstate q, p : R\nfield f { q' = p  p' = -sin(q) }\n"
         "flow net = lie(f: implicit_midpoint) over [0, 1] steps 4\nclaim net : symplectic", "implicit_midpoint", "heun"),
    Case("linear first integral", "model M\nstate s, i : R\nfield f { s' = -s*i  i' = s*i }\nflow net = lie(f: rk4) over [0, 1] steps 4\n"
         "claim net : preserves(s + i)", "i' = s*i", "i' = s*i/2"),
    Case("relaxation", "model M\nstate x, y : R\nfield f { x' = y*x  y' = -x^2 }\nflow net = lie(f: relax(heun)) over [0, 1] steps 4\n"
         "claim net : preserves(x^2 + y^2)", "relax(heun)", "heun"),
    Case("discrete gradient", "model M\nstate q, p : R\nfield f { q' = p  p' = q - q^3 }\n"
         "claim f : hamiltonian(p^2/2 - q^2/2 + q^4/4)\n"
         "flow net = lie(f: discrete_gradient) over [0, 1] steps 4\nclaim net : preserves(p^2/2 - q^2/2 + q^4/4)", "discrete_gradient", "heun"),
    Case("shear", "model M\ndim n = 3\nstate q, p : R[n]\nparam M1 : R[n, n]\nfield f { q' = tanh(M1 @ p) }\n"
         "flow net = lie(f: euler) over [0, 1] steps 1\nclaim net : invertible", "q' = tanh(M1 @ p)", "q' = tanh(M1 @ p) - 4*tanh(q)"),
    Case("symmetric step", SQUARE + "field f { x' = -A.T @ leaky_relu(A @ x + b, 1/2) }\nflow net = lie(f: euler) over [0, 8] steps 4\n"
         "claim net : lipschitz(1)", "over [0, 8]", "over [0, 9]"),
    Case("norm of the step", "model M\ndim n = 3\nstate x : R[n]\nparam A : R[n, n], norm <= 1/2\nparam B : R[n, n], norm <= 1/2\n"
         "field f { x' = A @ tanh(B @ x) }\nflow net = lie(f: euler) over [0, 1] steps 1\nclaim net : lipschitz(5/4)",
         "lipschitz(5/4)", "lipschitz(6/5)"),
    Case("circle contractivity", BOUNDED + "field f { x' = -A.T @ relu(A @ x + b) }\nflow net = lie(f: rk4) over [0, 4] steps 2\n"
         "claim net : nonexpansive", "over [0, 4]", "over [0, 8]"),
    Case("b-stability", BOUNDED + "field f { x' = -A.T @ tanh(A @ x + b) }\nflow net = lie(f: implicit_midpoint) over [0, 1] steps 2\n"
         "claim net : nonexpansive", "-A.T", "A.T"),
    Case("coupled product", SQUARE + "param hc(t) : R, in [1/10, 19/10]\nparam he(t) : R, in [0, 1/max(1 - hc/2, hc - 1) - 1]\n"
         "field c { x' = -hc * A.T @ leaky_relu(A @ x + b, 1/2) }\nfield e { x' = he * A.T @ relu(A @ x + b) }\n"
         "flow net = lie(c: euler, e: euler) over [0, 4] steps 4\nclaim net : lipschitz(1)", "in [0, 1/max", "in [0, 11/10/max"),
    Case("averaged step", BOUNDED + "field f { x' = -A.T @ relu(A @ x + b) }\nflow net = lie(f: euler) over [0, 1] steps 1\n"
         "claim net : averaged(1/2)", "averaged(1/2)", "averaged(2/5)"),
    Case("averaged composition", BOUNDED + "field f { x' = -A.T @ relu(A @ x + b) }\nflow net = lie(f: euler) over [0, 8] steps 8\n"
         "claim net : averaged(8/9)", "averaged(8/9)", "averaged(7/8)"),
    Case("order conditions", PAIR + "scheme s(A, B) = A(1/2) B(1) A(1/2)\nflow net = s(drift, kick) over [0, 1] steps 4\n"
         "claim net : order(2)", "A(1/2) B(1) A(1/2)", "A(1/3) B(1) A(2/3)"),
    Case("palindrome", PAIR + "scheme s(A, B) = A(1/2) B(1) A(1/2)\nflow net = s(drift, kick) over [0, 1] steps 4\n"
         "claim net : symmetric", "A(1/2) B(1) A(1/2)", "A(1/3) B(1) A(2/3)"),
    Case("reversible composition", PAIR + "flow net = strang(drift, kick) over [0, 1] steps 4\nclaim net : reversible",
         "q' = p ", "q' = p + 1 "),
    Case("invertible contraction", "model M\nstate x : R\nfield f { x' = sin(x) }\n"
         "flow net = lie(f: rk4) over [0, 1] steps 2\nclaim net : invertible", "steps 2", "steps 1"),
    Case("step in closed form", "model M\nstate x, y : R\nfield f { x' = -x + y  y' = -x - y }\nflow net = lie(f: euler) over [0, 1] steps 1\n"
         "claim net : nonexpansive", "over [0, 1]", "over [0, 11/10]"),
    Case("step in closed form", "model M\nstate x, y, z : R\nfield f { x' = (x - y)^2*z  y' = (x - y)^2*z  z' = x - y }\n"
         "flow net = lie(f: euler) over [0, 1] steps 1\nclaim net : volume_preserving", "y' = (x", "y' = -(x"),
    Case("step in closed form", "model M\nstate q, p : R\nfield drift { q' = p }\nfield kick { p' = -q }\n"
         "flow net = lie(kick, drift) over [0, 1] steps 10\nclaim net : preserves(q^2/2 + p^2/2 - q*p/20)", "lie(kick, drift)", "lie(drift, kick)"),
    Case("step in closed form", "model M\nstate q, p : R\nfield drift { q' = p }\nfield kick { p' = -q - p/2 }\n"
         "flow net = lie(kick: euler, drift) over [0, 1] steps 10\nclaim net : dissipates(q^2 + p^2 - q*p/20)", "- p/2", "+ p/2"),
    Case("resolvent", "model M\ndim n = 3\nstate x : R[n]\nparam S : R[n, n], skew\nfield f { x' = S @ x - x }\n"
         "flow net = lie(f: implicit_euler) over [0, 2] steps 2\nclaim net : lipschitz(1/4)", "lipschitz(1/4)", "lipschitz(1/5)"),
    Case("cocoercive descent", BOUNDED + "field f { x' = -A.T @ tanh(A @ x + b) }\nflow net = lie(f: heun) over [0, 3/2] steps 1\n"
         "claim net : averaged(3/4)", "-A.T", "A.T"),
    Case("cocoercive ball", "model M\ndim n = 3\nstate x : R[n]\nparam P : R[n, n], doubly_stochastic\nfield f { x' = P @ x - x }\n"
         "flow net = lie(f: euler) over [0, 1] steps 2\nclaim net : averaged(2/3)", "averaged(2/3)", "averaged(1/2)"),
    Case("cocoercive contraction", "model M\nstate x, y : R\nfield f { x' = tanh(y)/2 - 2*x  y' = -x/2 - 2*y }\n"
         "flow net = lie(f: heun) over [0, 1/4] steps 1\nclaim net : averaged(2/3)", "averaged(2/3)", "averaged(1/2)"),
    Case("convex combination of Euler steps", "model M\ndim n = 3\nstate x : R[n]\nparam P : R[n, n], stochastic\nfield f { x' = P @ x - x }\n"
         "flow net = lie(f: heun) over [0, 4] steps 4\nclaim net : positive", "steps 4", "steps 1"),
    Case("convex combination of Euler steps", "model M\ndim n = 3\nstate x : R[n]\nparam P : R[n, n], stochastic\nfield f { x' = P @ x - x }\n"
         "flow net = lie(f: heun) over [0, 4] steps 4\nclaim net : lipschitz(1, norm = inf)", "steps 4", "steps 1"),
    Case("positive resolvent", "model M\ndim n = 3\nstate x : R[n]\nparam P : R[n, n], stochastic\nfield f { x' = P @ x - x }\n"
         "flow net = lie(f: implicit_euler) over [0, 40] steps 4\nclaim net : positive", "P @ x - x", "P @ x - x - ones(n)"),
    Case("reflexive method", "model M\ndim n = 3\nstate x : R[n]\nparam S : R[n, n], skew\nfield f { x' = S @ x }\n"
         "flow net = lie(f: trapezoidal) over [0, 4] steps 4\nclaim net : preserves(dot(x, x))", ": trapezoidal", ": heun"),
    Case("von Neumann", "model M\ndim n = 3\nstate x : R[n]\nparam S : R[n, n], skew\nfield f { x' = S @ x }\n"
         "flow net = lie(f: trapezoidal) over [0, 4] steps 4\nclaim net : nonexpansive", ", skew", ", symmetric"),
    Case("composed quantity", "model M\nstate x, y : R\nfield f { x' = y  y' = -x }\nflow net = lie(f: implicit_midpoint) over [0, 1] steps 2\n"
         "claim net : preserves((x^2 + y^2)^2)", "y' = -x", "y' = -2*x"),
    Case("quadratic dissipation", "model M\ndim n = 3\nstate x : R[n]\nparam c : R[n], positive\nfield f { x' = -x }\n"
         "flow net = lie(f: rk4) over [0, 4] steps 2\nclaim net : dissipates(dot(c * x, x))", "steps 2", "steps 1"),
    Case("descent lemma", "model M\ndim n = 3, m = 2\nstate x : R[n]\nparam A : R[m, n], norm <= 1\ndef V(x) = sum(logcosh(A @ x))\n"
         "field f { x' = -grad(V(x), x) }\nflow net = lie(f: euler) over [0, 8] steps 4\nclaim net : dissipates(V(x))", "steps 4", "steps 2"),
    Case("around a fixed point", "model M\ndim n = 3\nstate x : R[n]\nparam W : R[n, n], norm <= 1\nfield f { x' = W @ tanh(x) - 2*x }\n"
         "flow net = lie(f: implicit_euler) over [0, 4] steps 4\nclaim net : dissipates(dot(x, x))", "tanh", "cos"),
    Case("around a fixed point", "model M\ndim n = 3\nstate x : R[n]\nparam P : R[n, n], doubly_stochastic\nfield f { x' = P @ x - x }\n"
         "flow net = lie(f: euler) over [0, 4] steps 4\nclaim net : dissipates(dot(x, x))", "P @ x - x", "P @ x - x + ones(n)"),
    Case("monotone step", VECTOR + "field f { x' = A.T @ tanh(A @ x + b) }\nflow net = lie(f: euler) over [0, 4] steps 2\n"
         "claim net : invertible", "x' = A.T", "x' = -A.T"),
    Case("one solution", "model M\nstate x : R\nfield f { x' = sin(x) }\n"
         "flow net = lie(f: implicit_midpoint) over [0, 3] steps 2\nclaim net : symmetric", "implicit_midpoint", "implicit_euler"),
    Case("monotone step", "model M\ndim n = 3\nstate x : R[n]\nparam A : R[n, n]\nfield f { x' = -A.T @ tanh(A @ x) }\n"
         "flow net = lie(f: implicit_euler) over [0, 9] steps 1\nclaim net : invertible", ": implicit_euler", ": heun"),
    Case("nonnegative step", "model M\ndim n = 3\nstate x : R[n]\nparam d : R[n], in [0, 1]\nfield f { x' = -d * x }\n"
         "flow net = lie(f: euler) over [0, 1] steps 1\nclaim net : positive", "in [0, 1]", "in [0, 2]"),
    Case("equivariant method", "model M\ndim n = 3\nstate x : R[n]\nparam B : R[n, n]\nfield f { x' = B @ tanh(B @ x) }\n"
         "flow net = lie(f: rk4) over [0, 1] steps 1\nclaim net : equivariant(sign)", "tanh", "relu"),
    Case("volume of a symplectic map", "model M\nstate q, p : R\nfield f { q' = p  p' = -sin(q) }\n"
         "flow net = lie(f: implicit_midpoint) over [0, 1] steps 4\nclaim net : volume_preserving", "p' = -sin(q)", "p' = -sin(q) - p"),
    Case("convex composition", "model M\ndim n = 3, m = 2\nstate x : R[n]\nparam A : R[m, n]\nparam c : R, nonnegative\n"
         "def V(x) = c * sum(relu(A @ x)) + |x|\nclaim V : convex", "c * sum", "-c * sum"),
    Case("orthogonal step", "model M\ndim n = 3\nstate x : R[n]\nparam S : R[n, n], skew\nfield f { x' = S @ x }\n"
         "flow net = lie(f: implicit_midpoint) over [0, 1] steps 4\nclaim net : volume_preserving", "implicit_midpoint", "rk4"),
    Case("hessian", "model M\ndim n = 3, m = 2\nstate x : R[n]\nparam A : R[m, n]\ndef V(x) = sum(logcosh(A @ x) + square(A @ x) - cos(A @ x)/2)\nclaim V : convex",
         "/2)", "*3)"),
    Case("stage constants", "model M\nnet c : R[4, 8, 8] -> R[4, 4, 4] = avgpool(2) -> tanh\nclaim c : lipschitz(1/4, norm = 1)",
         "norm = 1", "norm = inf"),
    Case("composition", "model M\ndim n = 4\nstate x : R[n]\nparam P : R[n, n], doubly_stochastic\nfield f { x' = P @ x - x }\n"
         "flow mix = lie(f: euler) over [0, 1] steps 2\nnet c : R[n] -> R[6] = mix -> relu -> mix -> embed(6)\nclaim c : positive",
         "-> relu", "-> sin"),
    Case("composition", "model M\ndim n = 4\nstate x : R[n]\nparam P : R[n, n], doubly_stochastic\nfield f { x' = P @ x - x }\n"
         "flow mix = lie(f: euler) over [0, 1] steps 2\nnet c : R[n] -> R[n] = mix -> tanh -> mix\nclaim c : dissipates(norm(x))",
         "-> tanh", "-> sigmoid"),
    Case("averaged composition", "model M\ndim n = 4\nstate x : R[n]\nparam A(t) : R[n, n], norm <= 1\nfield f { x' = -A.T @ relu(A @ x) }\n"
         "flow mix = lie(f: euler) over [0, 1] steps 1\nnet c : R[n] -> R[n] = mix -> relu -> linear(norm <= 1/2)\n"
         "claim c : averaged(5/6)", "averaged(5/6)", "averaged(4/5)"),
    Case("stage constants", "model M\ndim n = 8\nstate x : R[n]\nparam A(t) : R[n, n], norm <= 1\nfield f { x' = -A.T @ relu(A @ x) }\n"
         "flow block = lie(f: euler) over [0, 2] steps 2\nnet c : R[n] -> R[3] = block -> tanh -> linear(norm <= 1)\n"
         "claim c : lipschitz(1)", "linear(norm <= 1)", "linear(norm <= 2)"),
    Case("constructed potential", VECTOR + "field f { x' = A.T @ leaky_relu(A @ x + b, 1/3) - x/sqrt(1 + dot(x, x)) }\n"
         "claim f : gradient", "- x/sqrt", "- b[0]*x[0]*x/sqrt"),
    Case("constructed potential", "model M\ndim n = 3\nstate q, p : R[n]\nparam K : R[n, n]\n"
         "field f { q' = K @ tanh(q)  p' = -(1 - tanh(q)^2) * (K.T @ p) }\nclaim f : hamiltonian", "K.T @ p", "K @ p"),
    Case("substitution", "model M\ndim n = 3\nstate x : R[n]\nparam Q : R[n, n], orthogonal\nparam b : R\n"
         "field f { x' = Q @ x * sin(dot(x, x)) - b * x * |Q.T @ x| }\nclaim f : equivariant(Q)",
         "sin(dot(x, x))", "sin(sum(x))"),
    Case("convex composition", "model M\ndim n = 3, m = 2\nstate x : R[n]\nparam A : R[m, n]\nparam P : R[n, n], psd\n"
         "def V(x) = |A @ x| + dot(x, P @ x)\nclaim V : convex", ", psd", ", symmetric"),
    Case("hessian", BOUNDED + "def V(x) = sum(relu(A @ x + b)^2)/2 + sum(softplus(x))\nclaim V : smooth(5/4)",
         "smooth(5/4)", "smooth(6/5)"),
    Case("hessian", "model M\ndim n = 3\nstate x, y : R[n]\nparam A : R[n, n], norm <= 1\nparam B : R[n, n], norm <= 1\n"
         "def V(x, y) = sum(logcosh(A @ x + 2*B @ y))\nclaim V : smooth(5)", "smooth(5)", "smooth(9/2)"),
    Case("spectral bound", "model M\ndim n = 3, m = 2\nstate x, y : R[n]\nparam A : R[m, n]\nparam B : R[m, n]\n"
         "field f { x' = -A.T @ tanh(A @ x + B @ y)  y' = -B.T @ tanh(A @ x + B @ y) }\nclaim f : nonexpansive",
         "y' = -B.T", "y' = -2 * B.T"),
    Case("norm of the jacobian", "model M\ndim n = 3\nstate x, y : R[n]\nparam A : R[n, n], norm <= 1\n"
         "field f { x' = -3*x + A @ tanh(y)  y' = -3*y - A @ sin(x) }\nclaim f : lipschitz(4)", "lipschitz(4)", "lipschitz(7/2)"),
    Case("equivariant method", "model M\ndim n = 3\nstate x : R[n]\nparam Q : R[n, n], orthogonal\nfield f { x' = -x * dot(x, x) }\n"
         "flow net = lie(f: heun) over [0, 1] steps 4\nclaim net : equivariant(Q)", "-x * dot(x, x)", "-x^3"),
    Case("spectral bound", CONVOLUTION + "claim f : contractive(1/2)", "circular), orthogonal", "zero), norm <= 1"),
    Case("symmetric step", CONVOLUTION + "flow net = lie(f: euler) over [0, 2] steps 2\nclaim net : lipschitz(1/4)",
         ", orthogonal", ", norm <= 1"),
    Case("coupled product", "model M\ndim c = 2\nstate u : R[2*c, 4, 4]\nparam K(t) : conv(2*c, 2*c), orthogonal\n"
         "param hc(t) : R, in [1/10, 19/10]\nparam he(t) : R, in [0, 1/max(1 - hc/2, hc - 1) - 1]\n"
         "field f { u' = -hc * K.T @ leaky_relu(K @ u, 1/2) }\nfield g { u' = he * K.T @ relu(K @ u) }\n"
         "flow net = lie(f: euler, g: euler) over [0, 4] steps 4\nclaim net : lipschitz(1)", "conv(2*c, 2*c)", "conv(2*c, c)"),
)
