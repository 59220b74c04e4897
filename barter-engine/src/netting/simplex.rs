//! The network simplex method for the largest circulation: every unit on every arc earns one.
//!
//! A spanning tree hangs from an artificial root. An arc outside of the tree, empty or full, enters when its reduced
//! cost says that circulating along its tree path earns something; the strongly feasible choice of the leaving arc
//! (the last blocking one from the path's apex) rules out cycling. All integers; ties go to the smaller arc.

/// An arc with its capacity.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arc {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) cap: i128,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Empty,
    Tree,
    Full,
}

const NONE: usize = usize::MAX;

/// The tree: parent links, the arc to the parent and whether it points up, child lists, depth and potential.
struct Tree {
    parent: Vec<usize>,
    arc: Vec<usize>,
    up: Vec<bool>,
    child: Vec<usize>,
    next: Vec<usize>,
    prev: Vec<usize>,
    depth: Vec<u32>,
    potential: Vec<i64>,
    stack: Vec<usize>,
}

impl Tree {
    fn star(nodes: usize, arcs: usize) -> Tree {
        let mut tree = Tree {
            parent: vec![nodes; nodes + 1],
            arc: (arcs..=arcs + nodes).collect(),
            up: vec![true; nodes + 1],
            child: vec![NONE; nodes + 1],
            next: vec![NONE; nodes + 1],
            prev: vec![NONE; nodes + 1],
            depth: vec![1; nodes + 1],
            potential: vec![0; nodes + 1],
            stack: Vec::new(),
        };
        tree.parent[nodes] = NONE;
        tree.depth[nodes] = 0;
        for node in 0..nodes {
            tree.attach(node, nodes);
        }
        tree
    }

    fn attach(&mut self, node: usize, parent: usize) {
        let first = self.child[parent];
        self.parent[node] = parent;
        self.next[node] = first;
        self.prev[node] = NONE;
        if first != NONE {
            self.prev[first] = node;
        }
        self.child[parent] = node;
    }

    fn detach(&mut self, node: usize) {
        let (before, after) = (self.prev[node], self.next[node]);
        if before == NONE {
            self.child[self.parent[node]] = after;
        } else {
            self.next[before] = after;
        }
        if after != NONE {
            self.prev[after] = before;
        }
    }

    /// Hangs the subtree of `cut` from `outside` by the entering arc at `inside`, which becomes its root.
    fn rehang(&mut self, cut: usize, inside: usize, outside: usize, entering: usize, upwards: bool, pi: i64) {
        let (mut node, mut parent, mut arc, mut up) = (inside, outside, entering, upwards);
        loop {
            let (old_parent, old_arc, old_up) = (self.parent[node], self.arc[node], self.up[node]);
            self.detach(node);
            self.attach(node, parent);
            self.arc[node] = arc;
            self.up[node] = up;
            if node == cut {
                break;
            }
            (parent, node, arc, up) = (node, old_parent, old_arc, !old_up);
        }
        let shift = pi - self.potential[inside];
        self.stack.push(inside);
        while let Some(node) = self.stack.pop() {
            self.depth[node] = self.depth[self.parent[node]] + 1;
            self.potential[node] += shift;
            let mut child = self.child[node];
            while child != NONE {
                self.stack.push(child);
                child = self.next[child];
            }
        }
    }
}

/// The largest circulation: the flow on each arc, and the number of pivots.
pub(super) fn circulate(nodes: usize, arcs: &[Arc]) -> (Vec<i128>, u64) {
    let mut tree = Tree::star(nodes, arcs.len());
    let mut flow = vec![0i128; arcs.len() + nodes + 1];
    let mut state = vec![State::Empty; arcs.len()];
    let cap = |arc: usize| arcs.get(arc).map_or(i128::MAX, |arc| arc.cap);
    // Enough arcs per look that good ones are found, few enough that looking is cheap.
    let block = arcs.len().isqrt().max(20);
    let mut at = 0;
    let mut pivots = 0u64;
    loop {
        // Look for the arc that earns most within a block; go on to the next block while there is none.
        let mut best = (0i64, NONE);
        let mut looked = 0;
        while looked < arcs.len() {
            let arc = at;
            at = if at + 1 == arcs.len() { 0 } else { at + 1 };
            looked += 1;
            let reduced = tree.potential[arcs[arc].from] - tree.potential[arcs[arc].to] - 1;
            let earns = match state[arc] {
                State::Empty => -reduced,
                State::Full => reduced,
                State::Tree => 0,
            };
            if earns > best.0 {
                best = (earns, arc);
            }
            if looked % block == 0 && best.1 != NONE {
                break;
            }
        }
        let entering = best.1;
        if entering == NONE {
            flow.truncate(arcs.len());
            return (flow, pivots);
        }
        pivots += 1;
        pivot(arcs, &mut tree, &mut flow, &mut state, entering, &cap);
    }
}

fn pivot(
    arcs: &[Arc],
    tree: &mut Tree,
    flow: &mut [i128],
    state: &mut [State],
    entering: usize,
    cap: &impl Fn(usize) -> i128,
) {
    let Arc { from, to, cap: most } = arcs[entering];
    let filling = state[entering] == State::Empty;
    // Flow runs first -> second over the entering arc, and from second back to first through the tree.
    let (first, second) = if filling { (from, to) } else { (to, from) };
    let (mut a, mut b) = (first, second);
    while a != b {
        if tree.depth[a] >= tree.depth[b] {
            a = tree.parent[a];
        } else {
            b = tree.parent[b];
        }
    }
    let apex = a;
    // Room of a tree arc when flow passes it upwards (towards the root) or downwards.
    let room = |tree: &Tree, flow: &[i128], node: usize, upwards: bool| {
        let arc = tree.arc[node];
        if tree.up[node] == upwards { cap(arc) - flow[arc] } else { flow[arc] }
    };
    let mut delta = most;
    let mut cut = NONE;
    let mut cut_on_first = false;
    // The last blocking arc along the cycle from the apex keeps the tree strongly feasible: strictly on the first
    // side (walked against the flow), the last equal one on the second.
    let mut node = first;
    while node != apex {
        let left = room(tree, flow, node, false);
        if left < delta {
            (delta, cut, cut_on_first) = (left, node, true);
        }
        node = tree.parent[node];
    }
    let mut node = second;
    while node != apex {
        let left = room(tree, flow, node, true);
        if left <= delta {
            (delta, cut, cut_on_first) = (left, node, false);
        }
        node = tree.parent[node];
    }
    if delta > 0 {
        flow[entering] += if filling { delta } else { -delta };
        for (start, upwards) in [(first, false), (second, true)] {
            let mut node = start;
            while node != apex {
                let arc = tree.arc[node];
                flow[arc] += if tree.up[node] == upwards { delta } else { -delta };
                node = tree.parent[node];
            }
        }
    }
    if cut == NONE {
        state[entering] = if filling { State::Full } else { State::Empty };
        return;
    }
    let leaving = tree.arc[cut];
    if leaving < arcs.len() {
        state[leaving] = if flow[leaving] == 0 { State::Empty } else { State::Full };
    }
    state[entering] = State::Tree;
    let (inside, outside) = if cut_on_first { (first, second) } else { (second, first) };
    let upwards = inside == from;
    // Reduced cost -1 + potential[from] - potential[to] of a tree arc is zero.
    let pi = if upwards { tree.potential[to] + 1 } else { tree.potential[from] - 1 };
    tree.rehang(cut, inside, outside, entering, upwards, pi);
}
