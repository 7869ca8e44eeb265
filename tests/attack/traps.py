"""Specs by hand, each near a way in which a proof could go wrong, with the truth by mathematics.

Each line of claims ends in `#! false` (must not be proved), `#! true` (must not be refuted) or `#! never` (must not be proved
without a condition). One entry is one attack; its comment says which.
"""
from __future__ import annotations

TRAPS: dict[str, str] = {
    # an end of a spectrum whose sign depends on parameters, under a wide isometry
    "sign of an end": """
dim n = 3, m = 2
state x : R[n]
param A : R[m, n], orthogonal
param a : R, in [-1, 1]
field f { x' = a * A.T @ A @ x }
claim f : contractive(-a)                #! false
claim f : contractive(-1)                #! true
claim f : lipschitz(1)                   #! true
""",
    "idle blocks": """
state x, y : R
field fx { x' = -x }
field fy { y' = -y }
flow net = lie(fx: euler, fy: euler) over [0, 1/2] steps 1
claim net : lipschitz(1/4)               #! false
claim net : lipschitz(1)                 #! true
claim fx : contractive(1/2)              #! false
""",
    "time between two parts": """
state x : R
field f { x' = sin(t) * x }
field g { x' = -sin(t) * x }
flow net = lie(f: euler, g: euler) over [0, 10] steps 10
claim net : lipschitz(1)                 #! false
claim net : lipschitz(20000)             #! true
""",
    "a parameter that moves between two parts": """
state x : R
param a(t) : R, linear(2), in [0, 1/2]
field f { x' = -a * x }
field g { x' = -(1/2 - a) * x }
flow net = lie(f: euler, g: euler) over [0, 1] steps 1
claim net : lipschitz(3/5)               #! false
claim net : lipschitz(1)                 #! true
""",
    "one value of a piecewise parameter for all steps": """
state x : R
param a(t) : R, in [0, 1]
param b : R, in [0, 1]
field f { x' = -a * x }
field g { x' = b * x }
flow net = lie(f: euler, g: euler) over [0, 2] steps 2
claim net : lipschitz(4)                 #! true
claim net : lipschitz(2)                 #! false
""",
    "steps back": """
state x : R
field f { x' = -x }
scheme back(A) = A(-1)
flow exact = back(f) over [0, 1] steps 4
flow rough = back(f: euler) over [0, 1] steps 4
claim exact : dissipates(x^2)            #! false
claim exact : nonexpansive               #! false
claim exact : lipschitz(1/2)             #! false
claim rough : nonexpansive               #! false
claim rough : positive                   #! true
claim exact : positive                   #! true
claim exact : order(1)                   #! false
""",
    "steps back of gradient steps": """
dim n = 3
state x : R[n]
field f { x' = tanh(x) - 5 * sin(x) }
field g { x' = 2 * x + tanh(x) }
scheme back(A) = A(-1)
flow one = back(f: euler) over [0, 1/2] steps 1
flow two = back(g: euler) over [0, 1/2] steps 1
claim one : averaged(1/1000)             #! false
claim two : averaged(5/8)                #! false
claim two : averaged(3/4)                #! true
""",
    "negative substeps of a fourth-order scheme": """
state x, y : R
field f { x' = -x + sin(y) }
field g { y' = -y^3 }
flow net = yoshida4(f: euler, g: euler) over [0, 8] steps 1
claim net : nonexpansive                 #! false
claim net : dissipates(y^2)              #! false
claim net : positive                     #! false
""",
    "constant vectors under permutations": """
dim n = 3
state x : R[n]
field f { x' = cumsum(ones(n)) }
flow net = lie(f: euler) over [0, 1] steps 1
claim f : equivariant(permutation)       #! false
claim f : equivariant(translation)       #! false
claim net : equivariant(permutation)     #! false
""",
    "constant vectors written out": """
state x : R[3]
field f { x' = [1, 2, 3] }
field g { x' = x[0] * x }
claim f : equivariant(permutation)       #! false
claim g : equivariant(permutation)       #! false
claim g : equivariant(translation)       #! false
""",
    "weights that do not add up to one": """
dim n = 3
state x : R[n]
method bad = table([0], [[0]], [10])
field f { x' = -x }
flow net = lie(f: bad) over [0, 1] steps 4
claim net : nonexpansive                 #! false
claim net : positive                     #! false
claim net : averaged(1/2)                #! false
claim net : order(1)                     #! false
""",
    "a negative weight": """
state x : R
method minus = table([0], [[0]], [-1])
field f { x' = -x }
flow net = lie(f: minus) over [0, 1] steps 4
claim net : nonexpansive                 #! false
claim net : averaged(4/11)               #! false
claim net : order(1)                     #! false
claim net : positive                     #! true
""",
    "two stages, weights two": """
state x : R
method bad = table([0, 0], [[0, 0], [0, 0]], [1, 1])
field f { x' = -x }
flow net = lie(f: bad) over [0, 1] steps 4
claim net : order(1)                     #! false
""",
    "nodes that are not the sums of rows": """
state x : R
method late = table([1], [[1/2]], [1])
method odd = table([0, 0], [[0, 0], [1, 0]], [1/2, 1/2])
field f { x' = -x + sin(t) }
flow one = lie(f: late) over [0, 1] steps 4
flow two = lie(f: odd) over [0, 1] steps 4
claim one : order(2)                     #! false
claim one : symmetric                    #! false
claim two : order(2)                     #! false
claim two : order(1)                     #! true
""",
    "the inverse of an implicit step": """
state x : R
field f { x' = -x }
field g { x' = -softplus(x) }
flow one = lie(f: implicit_midpoint) over [0, 2] steps 1
flow two = lie(g: implicit_midpoint) over [0, 2] steps 1
claim one : invertible                   #! never
claim one : symmetric                    #! never
claim two : invertible                   #! never
claim one : nonexpansive                 #! true
""",
    "an implicit step without solution": """
state x : R
field f { x' = 10 * x }
flow net = lie(f: implicit_midpoint) over [0, 1] steps 5
claim net : symmetric                    #! false
claim net : invertible                   #! false
""",
    "coefficients that add up to two": """
state q, p : R
field f { q' = p }
field g { p' = -q }
scheme double(A, B) = A(1) B(2) A(1)
flow net = double(f, g) over [0, 1] steps 2
claim net : order(1)                     #! false
claim net : symplectic                   #! true
claim net : symmetric                    #! true
""",
    "a palindrome whose clock stops halfway": """
state x, y : R
param k(t) : R, poly(2)
field f { x' = t }
field tx { x' = t*x }
field c { x' = -x }
field d { x' = -x }
field im { x' = -k*x }
scheme half(A) = A(1/2)
scheme quarters(A, B) = A(1/4) B(1) A(1/4)
scheme twice(A, B) = A(1) B(1) A(1)
scheme around(A, B, C) = A(1/2) C(1) B(1/2)
flow first = half(f) over [0, 1] steps 1
flow second = quarters(tx, c) over [0, 1] steps 1
flow third = twice(c, tx) over [0, 1] steps 1
flow fourth = half(im: implicit_midpoint) over [0, 1] steps 1
flow fifth = around(c: euler, d: implicit_euler, tx) over [0, 1] steps 1
flow sixth = quarters(c, d) over [0, 1] steps 1
flow seventh = strang(c, tx) over [0, 1] steps 1
claim first : symmetric                  #! false
claim second : symmetric                 #! false
claim third : symmetric                  #! false
claim fourth : symmetric                 #! false
claim fifth : symmetric                  #! true
claim sixth : symmetric                  #! true
claim seventh : symmetric                #! true
""",
    "relax with late nodes": """
state x, y : R
field f { x' = (1 + t)*y  y' = -(1 + t)*x }
field g { x' = y  y' = -x }
method m = table([0, 1, 2/3], [[0, 0, 0], [1/3, 0, 0], [0, 2/3, 0]], [1/4, 0, 3/4])
flow moving = lie(f: relax(m)) over [0, 1] steps 10
flow standing = lie(g: relax(m)) over [0, 1] steps 10
claim moving : order(1)                  #! true
claim moving : order(2)                  #! false
claim standing : order(2)                #! true
""",
    "relax where the field stops": """
state x, y : R
field f { x' = t*y  y' = -t*x }
field g { x' = (t - 1/2)*y  y' = -(t - 1/2)*x }
field twice { x' = (t - 1/2)^2*(1 + x)*y  y' = -(t - 1/2)^2*(1 + x)*x }
flow even = lie(twice: relax(rk4)) over [0, 1] steps 2
flow first = lie(f: relax(heun)) over [0, 1] steps 10
flow between = lie(g: relax(heun)) over [0, 1] steps 10
flow same = lie(f: relax(implicit_midpoint)) over [0, 1] steps 10
claim even : order(3)                    #! false
claim first : order(2)                   #! false
claim between : order(2)                 #! false
claim same : order(2)                    #! true
""",
    "relax with a quadratic of two signs": """
dim n = 2
state a, b, c, d : R
state x, y : R[n]
param S : R[n, n], skew
field f { a' = b + d  b' = -a + c/2  c' = -b/2 + 2*d  d' = a + 2*c }
field w { x' = S @ x  y' = S @ y }
flow one = lie(f: relax(rk4, a^2 + b^2 + c^2 - d^2)) over [0, 1] steps 10
flow two = lie(w: relax(rk4, dot(x, x) - dot(y, y))) over [0, 1] steps 10
flow three = lie(w: relax(rk4, -dot(x, x) - dot(y, y))) over [0, 1] steps 10
claim one : order(3)                     #! false
claim two : order(3)                     #! false
claim three : order(3)                   #! true
""",
    "a palindrome of coefficients only": """
state q, p : R
field f { q' = p  p' = -sin(q) }
field g { q' = p^3 }
scheme two(A, B) = A(1/2) B(1) A(1/2)
flow one = two(f: euler, g) over [0, 1] steps 10
flow two_ = two(f: implicit_euler, g) over [0, 1] steps 10
claim one : symmetric                    #! false
claim one : symplectic                   #! false
claim two_ : reversible                  #! false
""",
    "a skew matrix and a slope": """
dim n = 3
state x : R[n]
param S : R[n, n], skew
param d : R[n], positive
field f { x' = d * (S @ x) }
field g { x' = S @ (d * x) }
field h { x' = S @ tanh(x) }
claim f : preserves(dot(x, x))           #! false
claim f : divergence_free                #! true
claim g : preserves(dot(x, d * x))       #! true
claim g : nonexpansive                   #! false
claim h : preserves(sum(logcosh(x)))     #! true
claim h : preserves(dot(x, x))           #! false
claim h : divergence_free                #! true
""",
    "sums of rows and of columns": """
dim n = 3
state x : R[n]
param P : R[n, n], stochastic
param Q : R[n, n], doubly_stochastic
param L : R[n, n], laplacian
field f { x' = P @ x - x }
field g { x' = P.T @ x - x }
field h { x' = Q @ x - x }
field k { x' = -L @ tanh(x) }
claim f : preserves(sum(x))              #! false
claim g : preserves(sum(x))              #! true
claim h : preserves(sum(x))              #! true
claim f : nonexpansive                   #! false
claim h : nonexpansive                   #! true
claim f : contractive(0, norm = inf)     #! true
claim g : contractive(0, norm = inf)     #! false
claim g : contractive(0, norm = 1)       #! true
claim f : contractive(0, norm = 1)       #! false
claim h : contractive(0, norm = 1)       #! true
claim k : preserves(sum(x))              #! true
claim k : nonexpansive                   #! false
claim k : dissipates(sum(logcosh(x)))    #! true
claim f : positive                       #! true
claim k : positive                       #! true
""",
    "tall, wide, unknown": """
dim n = 3, m = 2
state x : R[n]
param A : R[m, n], orthogonal
param B : R[n + m, n], orthogonal
param C : R[n, 2*n], orthogonal
field f { x' = -A.T @ A @ x }
field g { x' = -B.T @ B @ x }
field h { x' = -C @ C.T @ x }
field k { x' = -B.T @ leaky_relu(B @ x, 1/2) }
field l { x' = -C @ leaky_relu(C.T @ x, 1/2) }
claim f : contractive(1)                 #! false
claim f : lipschitz(1)                   #! true
claim g : contractive(1)                 #! true
claim h : contractive(1)                 #! true
claim k : contractive(1/2)               #! true
claim k : contractive(3/4)               #! false
claim l : contractive(1/2)               #! true
claim l : lipschitz(3/4)                 #! false
""",
    "derived dims": """
dim n = 3, m = n + 1
state x : R[n]
param A : R[m, n], orthogonal
param B : R[n, m], orthogonal
field f { x' = -A.T @ A @ x }
field g { x' = -B @ B.T @ x }
field h { x' = -B @ A @ x }
claim f : contractive(1)                 #! true
claim g : contractive(1)                 #! true
claim h : nonexpansive                   #! false
""",
    "a kink in a potential": """
state x : R
def V(x) = elu(x, 2)
def W(x) = elu(x, 1/2)
def X(x) = min(x, -x)
def Y(x) = leaky_relu(x, 2)
def Z(x) = relu(x) - relu(-x)
def T(x) = abs(x) - 2 * relu(x)
claim V : convex                         #! false
claim W : convex                         #! true
claim V : smooth(2)                      #! false
claim X : convex                         #! false
claim Y : convex                         #! false
claim Y : smooth(0)                      #! false
claim Z : smooth(0)                      #! true
claim T : convex                         #! true
""",
    "derivatives at kinks that cancel": """
dim n = 2
state x : R[n]
field f { x' = relu(-x) - relu(x) }
field g { x' = relu(x) - relu(-x) - x }
flow net = lie(f: euler) over [0, 1] steps 1
claim f : contractive(1)                 #! true
claim f : lipschitz(1)                   #! true
claim f : lipschitz(1/2)                 #! false
claim g : divergence_free                #! true
claim g : lipschitz(0)                   #! true
claim g : preserves(sum(x))              #! true
claim net : lipschitz(0)                 #! true
""",
    "steps and thresholds": """
state x : R
field f { x' = -threshold(x) }
field g { x' = sign(x) }
claim f : nonexpansive                   #! true
claim f : lipschitz(1)                   #! false
claim g : nonexpansive                   #! false
claim g : lipschitz(0)                   #! false
claim g : divergence_free                #! true
""",
    "regions that are not convex": """
state x, y : R
field f { x' = -y/(x^2 + y^2)  y' = x/(x^2 + y^2) }
claim f : gradient on x^2 + y^2 > 1      #! false
claim f : gradient on x > 0              #! true
claim f : divergence_free on x^2 + y^2 > 1  #! true
""",
    "isolated points of a region": """
state x : R
field f { x' = 1 - x }
claim f : dissipates(x) on x^2 <= 0      #! false
claim f : dissipates(x) on x >= 1 and x <= 1  #! true
claim f : dissipates(x) on (x - 1)^2*(x - 3) >= 0  #! true
claim f : dissipates(x) on x^2*(x - 3) >= 0  #! false
claim f : dissipates(-x) on x*(x - 1)^2 <= 0  #! true
""",
    "roots of squares": """
state x : R
field f { x' = (x^2)^(1/2) - x }
field g { x' = (x^4)^(1/4) * x }
claim f : preserves(x)                   #! false
claim f : positive                       #! true
claim g : dissipates(-x)                 #! false
""",
    "bounds that hang on each other": """
state x : R
param a : R, in [0, 1]
param b : R, in [0, 1 - a]
param c : R, in [b, 1]
field f { x' = -(a + b) * x }
field g { x' = (a * b - 1/4) * x }
field h { x' = (b - c) * x }
field k { x' = (a - c) * x }
field l { x' = (a + c - 1) * x }
claim f : lipschitz(1)                   #! true
claim f : contractive(1/100)             #! false
claim g : nonexpansive                   #! true
claim g : contractive(1/100)             #! false
claim h : nonexpansive                   #! true
claim k : nonexpansive                   #! false
claim l : contractive(-1/2)              #! false
claim l : contractive(-1)                #! true
""",
    "a rate that may be negative": """
state x : R
param c : R
field f { x' = -c * x }
claim f : contractive(c)                 #! true
claim f : nonexpansive                   #! false
claim f : lipschitz(c)                   #! false
claim f : lipschitz(abs(c))              #! true
""",
    "halved pairs": """
dim n = 2
state x : R[2*n]
param S : R[2*n, 2*n], symmetric
param K : R[2*n, 2*n], skew
field f { x' = S @ x }
field g { x' = K @ x }
claim f : gradient                       #! true
claim f : hamiltonian                    #! false
claim g : hamiltonian                    #! false
claim g : divergence_free                #! true
""",
    "pairs across blocks": """
dim n = 2
state q, p : R[n]
state r, s : R[n]
field f { q' = s  r' = p }
field g { q' = s  p' = r }
field h { q' = p  s' = -q }
claim f : hamiltonian                    #! true
claim g : hamiltonian                    #! false
claim h : hamiltonian                    #! false
claim h : divergence_free                #! true
""",
    "half a pair": """
state q, p : R
field f { q' = -q }
flow net = lie(f) over [0, 1] steps 2
claim net : symplectic                   #! false
claim net : volume_preserving            #! false
claim net : invertible                   #! true
""",
    "relax with another invariant": """
state x, y : R
field f { x' = y  y' = -2 * x }
flow one = lie(f: relax(heun)) over [0, 1] steps 10
flow two = lie(f: relax(heun, 2*x^2 + y^2)) over [0, 1] steps 10
claim one : preserves(2*x^2 + y^2)       #! false
claim one : preserves(x^2 + y^2)         #! true
claim two : preserves(2*x^2 + y^2)       #! true
claim two : preserves(x^2 + y^2)         #! false
claim one : order(2)                     #! never
""",
    "relaxation sees only what its part moves": """
dim n = 2
state x : R[n]
state y : R[n]
param S : R[n, n], skew
field f { x' = S @ x + y }
flow net = lie(f: relax(heun)) over [0, 1] steps 4
claim net : preserves(dot(x, x) + dot(x, y))   #! false
claim net : preserves(dot(x, x) + dot(y, y))   #! true
claim net : equivariant(sign)            #! true
""",
    "quadratics and methods": """
state x, y : R
field f { x' = y  y' = -x }
flow one = lie(f: euler) over [0, 1] steps 10
flow two = lie(f: implicit_midpoint) over [0, 1] steps 10
flow three = lie(f: trapezoidal) over [0, 1] steps 10
flow four = lie(f: rk4) over [0, 1] steps 10
claim one : preserves(x^2 + y^2)         #! false
claim two : preserves(x^2 + y^2)         #! true
claim four : preserves(x^2 + y^2)        #! false
claim two : preserves((x^2 + y^2)^2)     #! true
claim one : symplectic                   #! false
claim four : symplectic                  #! false
claim three : order(2)                   #! true
""",
    "invariants above degree two": """
state x, y : R
field f { x' = y  y' = -x^3 }
flow net = lie(f: implicit_midpoint) over [0, 1] steps 10
claim f : preserves(y^2/2 + x^4/4)       #! true
claim net : preserves(y^2/2 + x^4/4)     #! false
claim net : symplectic                   #! true
""",
    "softmax": """
dim n = 3
state x : R[n]
field f { x' = -softmax(x) }
field g { x' = softmax(x) - x }
claim f : nonexpansive                   #! true
claim f : lipschitz(1)                   #! true
claim f : contractive(1/10)              #! false
claim f : preserves(sum(x))              #! false
claim f : gradient                       #! true
claim f : positive                       #! false
claim g : positive                       #! true
""",
    "dims of size one": """
dim n = 3
state x : R[n]
field f { x' = x - mean(x) }
field g { x' = mean(x) - x }
claim f : preserves(sum(x))              #! true
claim f : contractive(-1)                #! true
claim g : nonexpansive                   #! true
claim g : contractive(1)                 #! false
claim f : lipschitz(1/2)                 #! false
""",
    "norms of one and infinity": """
dim n = 3
state x : R[n]
field f { x' = ones(n) * sum(x) }
field g { x' = ones(n) * mean(x) }
claim f : lipschitz(n)                   #! true
claim f : lipschitz(1, norm = inf)       #! false
claim f : lipschitz(1, norm = 1)         #! false
claim f : lipschitz(n, norm = inf)       #! true
claim g : lipschitz(1, norm = inf)       #! true
claim g : lipschitz(1)                   #! true
claim g : lipschitz(1/2, norm = 1)       #! false
""",
    "stages that spread": """
net fold_only : R[5] -> R[3] = fold(3)
net steep : R[4] -> R[4] = leaky_relu(-3)
net bent : R[4] -> R[4] = elu(3)
net plain : R[2, 4, 4] -> R[8] = avgpool(2) -> flatten -> linear(8, norm <= 2)
net jump : R[4] -> R[4] = sign
claim fold_only : lipschitz(1)           #! false
claim steep : lipschitz(2)               #! false
claim steep : lipschitz(3)               #! true
claim bent : lipschitz(2)                #! false
claim plain : lipschitz(1)               #! true
claim plain : lipschitz(3/4)             #! false
claim jump : lipschitz(1)                #! false
""",
    "convolutions": """
state u : R[2, 4, 4]
param K : conv(2, 2, size = 3, padding = zero), norm <= 1
param C(t) : conv(2, 2, size = 3, padding = circular), norm <= 1
param Q : conv(2, 4, size = 3, padding = circular, stride = 2)
field f { u' = -K.T @ relu(K @ u) }
field g { u' = Q.T @ Q @ u }
field h { u' = -C.T @ relu(C @ u) }
flow net = lie(h: euler) over [0, 8] steps 4
claim f : equivariant(translation)       #! false
claim g : equivariant(translation)       #! false
claim h : equivariant(translation)       #! true
claim h : nonexpansive                   #! true
claim net : nonexpansive                 #! true
claim net : averaged(8/9)                #! false
""",
    "constants that depend on the state": """
state x : R
field f { x' = sin(x) }
field g { x' = -sin(x) }
scheme there(A) = A(1) A(-1)
flow net = lie(f: euler, g: euler) over [0, 1] steps 1
flow all = lie(f: euler, g: euler) over [0, 10] steps 10
flow one = there(f: euler) over [0, 1] steps 1
claim net : nonexpansive                 #! false
claim net : lipschitz(4)                 #! true
claim all : nonexpansive                 #! false
claim one : lipschitz(1)                 #! false
""",
    "discrete gradients": """
state q, p : R
field f { q' = p  p' = -q^3 }
field g { q' = -q  p' = -2 * p }
scheme back(A) = A(-1)
flow one = lie(f: discrete_gradient) over [0, 1] steps 10
flow two = lie(g: discrete_gradient) over [0, 1] steps 10
flow three = back(g: discrete_gradient) over [0, 1] steps 10
claim f : hamiltonian(p^2/2 + q^4/4)     #! true
claim g : gradient(-q^2/2 - p^2)         #! true
claim one : preserves(p^2/2 + q^4/4)     #! true
claim one : preserves(p^2 + q^4)         #! false
claim one : symplectic                   #! false
claim two : dissipates(q^2/2 + p^2)      #! true
claim three : dissipates(q^2/2 + p^2)    #! false
claim two : dissipates(-q^2/2 - p^2)     #! false
claim one : order(2)                     #! true
claim one : order(3)                     #! false
claim one : dissipates(p^2)              #! false
""",
    "time in a potential": """
state q, p : R
field f { q' = p  p' = -q + cos(t) }
flow one = lie(f: discrete_gradient) over [0, 1] steps 10
flow two = lie(f: implicit_midpoint) over [0, 1] steps 10
claim f : hamiltonian(p^2/2 + q^2/2 - q*cos(t))  #! true
claim f : preserves(p^2/2 + q^2/2)       #! false
claim one : preserves(p^2/2 + q^2/2)     #! false
claim two : symplectic                   #! true
claim one : order(3)                     #! false
""",
    "an Euler step of a function that is steep at zero": """
dim n = 2
state x : R[n]
field f { x' = -sin(2*x) }
field g { x' = -tanh(3*x) }
field h { x' = -x + tanh(x) * cos(x) }
flow one = lie(f: euler) over [0, 1] steps 1
flow two = lie(g: euler) over [0, 1] steps 1
flow three = lie(h: euler) over [0, 1/2] steps 1
claim one : positive                     #! false
claim two : positive                     #! false
claim f : positive                       #! true
claim three : positive                   #! true
""",
    # f(c e_i) is f(c) in one entry and f(0) in the others
    "a function of a vector with one entry": """
state x : R[2]
state y : R
field f { x' = sin([y, 0]) }
field g { x' = exp([y, 0]) }
claim f : preserves(x[0] - x[1])         #! false
claim g : preserves(x[0] - x[1])         #! false
claim f : preserves(x[1])                #! true
""",
    "an order that is a size": """
dim n = 2
state x : R[n]
field f { x' = -x }
flow net = lie(f: heun) over [0, 1] steps 4
claim net : order(n)                     #! false
claim net : order(3*n)                   #! false
claim net : order(2*1)                   #! true
""",
    # with a(0) = 1/2 and a(1) = 0 both substeps halve
    "shares of a parameter that moves within a step": """
state x : R
param a(t) : R, linear(2), in [0, 1/2]
field f { x' = -a*x }
field g { x' = -(1/2 - a)*x }
flow net = lie(f: euler, g: euler) over [0, 1] steps 1
claim net : averaged(1/4)                #! false
claim net : averaged(1/2)                #! true
""",
    # the slope at x = 2 pi is (1 - 3/4)^2, as the second substep starts from pi
    "shares that depend on the state": """
state x : R
field f { x' = -(x + sin(x)/2) }
field g { x' = -(x - sin(x)/2) }
flow net = lie(f: euler, g: euler) over [0, 1/2] steps 1
claim net : averaged(4/9)                #! false
claim net : averaged(6/11)               #! true
""",
    "squares of sums that are none": """
dim n = 3
state x, y : R[n]
param A : R[n, n], norm <= 1
param B : R[n, n], norm <= 1
def E(x, y) = sum(logcosh(A @ x + B @ y))
def F(x, y) = sum(logcosh(A @ x + B @ y)) + dot(A @ x, B @ y)
field f { x' = -(A + B).T @ tanh((A - B) @ x) }
field g { x' = -(A + B).T @ tanh((A + B) @ x) }
field h { x' = -A.T @ A @ x - B.T @ B @ x - 3 * A.T @ B @ x - 3 * B.T @ A @ x }
claim E : smooth(1)                      #! false
claim E : convex                         #! true
claim E : smooth(2)                      #! true
claim F : convex                         #! false
claim f : nonexpansive                   #! false
claim g : nonexpansive                   #! true
claim g : lipschitz(4)                   #! true
claim g : lipschitz(3)                   #! false
claim h : nonexpansive                   #! false
""",
    "jumps of gradients": """
state x, y : R
def U(x) = relu(x)^2 - 2 * abs(x)
def V(x) = x * relu(x)
def W(x, y) = max(x, y)^2
def R(x) = leaky_relu(x, 1/2)
claim U : convex                         #! false
claim U : smooth(2)                      #! false
claim V : smooth(2)                      #! true
claim V : smooth(19/10)                  #! false
claim W : smooth(2)                      #! false
claim R : smooth(0)                      #! false
""",
    "matrices that do not commute": """
dim n = 3
state x : R[n]
param Q : R[n, n], orthogonal
param P : R[n, n], orthogonal
field f { x' = P @ x }
field g { x' = tanh(Q @ x) }
field h { x' = Q @ Q @ x + dot(x, Q @ x) * x }
claim f : equivariant(Q)                 #! false
claim g : equivariant(Q)                 #! false
claim h : equivariant(Q)                 #! true
""",
    "potentials that are none": """
dim n = 3
state q, p : R[n]
param K : R[n, n]
param k : R
field f { q' = q * mean(p)  p' = p * mean(q) }
field g { q' = K @ softmax(K.T @ q)  p' = K @ softmax(K @ p) }
field h { q' = sin(k * p)  p' = -sin(k * q) }
claim f : gradient                       #! false
claim g : gradient                       #! false
claim h : hamiltonian                    #! true
claim h : gradient                       #! false
""",
    # the slope of z^2 at 0 is no slope range
    "a stage whose slope was taken at zero": """
state x : R[4]
net squared : R[4] -> R[4] = square
claim squared : lipschitz(0)             #! false
claim squared : nonexpansive             #! false
claim squared : averaged(1/2)            #! false
""",
    # S^13 S^13 and S^0 S^26 are one word, which the square of a sum has three times: at S = -1.014 the sum is -0.07
    "a square whose products coincide": """
dim n = 2
state x : R[n]
param S : R[n, n], symmetric
param B : R[n, n], norm <= 1/100
field f { x' = -(""" + " + ".join(" @ ".join(["S"] * k + ["x"]) for k in (0, 12, 13, 17, 21, 24, 25, 26, 29, 30, 33, 34, 38, 39, 42, 43, 47, 52)) + """) - B @ x }
claim f : contractive(-1/40)             #! false
claim f : nonexpansive                   #! false
""",
    "signs as written": """
dim n = 3
state x : R[n]
param c : R, nonnegative
field f { x' = x / (dot(x, x) - 1) }
field g { x' = x / (c + dot(x - mean(x), x - mean(x))) }
field h { x' = x / (1 + dot(x - mean(x), x - mean(x))) }
claim f : equivariant(permutation) on dot(x, x) > 1/2   #! never
claim g : equivariant(permutation) on dot(x, x) > 1/2   #! never
claim h : equivariant(permutation)       #! true
""",
    # along the way from a = 0 the set of a is left, so that a - c >= 0 does not hold there
    "a slope along a parameter that others bound": """
param c : R, in [0, 1]
param a : R, in [c, 1]
param b : R, in [0, 1]
state x : R
field f { x' = -(a^2/2 - a*c + a*b^2)*x }
field g { x' = -(a^2/2 - a*c + a*b)*x }
claim f : nonexpansive                   #! false
claim g : nonexpansive                   #! false
""",
    # the stages that are written are solved for: I + h I is what the used one needs, I - I what the other has
    "a stage without a solution that nothing reads": """
state x : R
method m = table([1/2, -1], [[1/2, 0], [0, -1]], [1, 0])
field f { x' = -x }
flow net = lie(f: m) over [0, 1] steps 1
claim net : nonexpansive                 #! never
claim net : averaged(3/4)                #! never
claim net : equivariant(sign)            #! never
claim net : dissipates(x^2)              #! never
""",
    # Y1 = x - h/2 Y2, Y2 = x - h/2 Y1: with h = 2 only the sum is known, though equal stages would be the implicit midpoint rule
    "stages that are equal only where there is one solution": """
state x : R
method m = table([1/2, 1/2], [[0, 1/2], [1/2, 0]], [1, 0])
field f { x' = -x }
flow net = lie(f: m) over [0, 2] steps 1
claim net : nonexpansive                 #! never
claim net : averaged(3/4)                #! never
claim net : equivariant(sign)            #! never
""",
    "a matrix that does not act on the state": """
dim n = 3, m = 2
state x : R[n]
state y : R[m]
param Q : R[m, n], orthogonal
field f { x' = x }
field g { y' = y }
claim f : equivariant(Q)                 #! false
claim g : equivariant(Q)                 #! false
""",
    # the block z is part of the map
    "a relaxed quadratic of a block that no part reads": """
state x, y, z : R
field f { x' = y  y' = -x }
flow net = lie(f: relax(heun, x^2 + y^2 + x*z)) over [0, 1] steps 1
claim net : preserves(x^2 + y^2)         #! false
claim net : equivariant(sign)            #! true
""",
    # tr K is 64 times the centre tap on the one, 16 times on the other
    "one kernel on images of two sizes": """
state u : R[1, 8, 8]
state v : R[1, 4, 4]
param K : conv(1, 1, size = 3)
field f { u' = K @ u  v' = -K @ v }
field g { u' = K @ u - K.T @ u }
claim f : divergence_free                #! false
claim g : divergence_free                #! true
""",
    # K K' = I says nothing of K' K
    "an orthogonal convolution to fewer channels": """
dim c = 2
state u : R[2*c, 4, 4]
param K : conv(2*c, c, size = 3), orthogonal
field f { u' = -K.T @ (K @ u) }
field g { u' = K.T @ (K @ (K.T @ (K @ u))) - K.T @ (K @ u) }
claim f : contractive(1)                 #! false
claim f : contractive(0)                 #! true
claim g : lipschitz(0)                   #! true
""",
    "channels that may be more or fewer": """
dim c = 2, k = 3
state u : R[c, 4, 4]
param K : conv(c, k, size = 3), orthogonal
field f { u' = -K.T @ (K @ u) }
claim f : contractive(1)                 #! false
claim f : lipschitz(1)                   #! true
""",
    "a kernel larger than its images": """
state u : R[2, 2, 1]
param K(t) : conv(2, 2, size = 5), orthogonal
field f { u' = -K.T @ relu(K @ u) }
flow net = lie(f: euler) over [0, 2] steps 2
claim net : lipschitz(1)                 #! true
claim net : lipschitz(1/2)               #! false
""",
    # a border of zeros, and a bound, keep no lengths
    "convolutions that are only bounded": """
state u : R[2, 4, 4]
param K : conv(2, 2, size = 3, padding = zero), norm <= 1
param M : conv(2, 2, size = 3), norm <= 1
field f { u' = -K.T @ (K @ u) }
field g { u' = -M.T @ (M @ u) }
claim f : contractive(1/2)               #! false
claim g : contractive(1/2)               #! false
claim f : lipschitz(1)                   #! true
""",
    # a sum and a length speak of all entries, in whichever block they are written; an entry speaks of its block
    "quantities of nets whose flows move another block": """
dim n = 2, k = 4
state x : R[n]
state u : R[k]
param a : R[k*(k-1)/2]
field shift { u' = skew(a) @ ones(k) }
field turn  { u' = skew(a) @ u }
flow keep = lie(shift: euler) over [0, 1] steps 2
flow spin = lie(turn: implicit_midpoint) over [0, 1] steps 2
net one   : R[n] -> R[n] = embed(k) -> keep -> fold(n)
net two   : R[n] -> R[n] = embed(k) -> spin -> fold(n)
net three : R[n] -> R[n] = embed(k) -> keep -> take(n)
net four  : R[k] -> R[k] = spin
claim one : preserves(sum(x))            #! true
claim one : preserves(sum(u))            #! true
claim one : preserves(dot(x, x))         #! false
claim two : preserves(sum(x))            #! false
claim three : preserves(sum(x))          #! false
claim four : preserves(dot(x, x))        #! true
claim four : preserves(sum(x))           #! false
claim four : preserves(x[0])             #! false
""",
}
