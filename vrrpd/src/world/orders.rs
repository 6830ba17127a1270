//! What an operator asks of the whole node: to give way, and maintenance (safety rule 9).
//!
//! The state machine moves the addresses; this waits for how that ends, keeps the time, and remembers maintenance over a
//! restart.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};
use vrrp_proto::router::{Cause, RouterId, Standing, State};
use vrrp_proto::timers;
use vrrp_record::control::Command;
use vrrp_record::event::{Asked, AskedPhase, Kind};
use vrrp_record::quantity::Span;

use super::Running;
use super::order_file::{Order, OrderFile};
use crate::control::{Change, Peer};
use crate::core::{CoreError, RouterSnapshot};
use crate::exit::Exit;
use crate::observe::Now;

/// Between two looks at routers that are about to leave.
const LOOK: Duration = Duration::from_millis(20);
/// Longer than a move can take: its bound, a hold, and a machine that is late.
const PATIENCE: Duration = Duration::from_secs(4);
/// Between two log lines about maintenance.
const REMINDER: Duration = Duration::from_secs(3600);

/// Whoever waits for an answer.
type Reply = oneshot::Sender<Result<String, String>>;

/// What is in force and what is under way.
#[derive(Debug)]
pub(super) struct Orders {
    file: OrderFile,
    in_force: Option<InForce>,
    moving: Option<Moving>,
}

#[derive(Debug)]
struct InForce {
    order: Order,
    until: Option<Instant>,
    reminder: Instant,
    /// The engine has carried it out at least once.
    seen: bool,
}

/// Routers on their way out of MASTER.
#[derive(Debug)]
struct Moving {
    order: Order,
    until: Option<Instant>,
    reply: Reply,
    asked: vrrp_proto::time::Instant,
    routers: Vec<RouterId>,
    look: Instant,
    end: Instant,
}

/// How far a router is on its way out.
enum Way {
    Leaving,
    Left,
    Stays,
}

impl Orders {
    /// What an earlier run was asked and is still in force.
    pub(super) fn begin(file: OrderFile, kept: Option<Order>) -> Self {
        let in_force = kept.map(|order| InForce {
            until: order.left().map(|left| Instant::now() + left),
            reminder: Instant::now() + REMINDER,
            order,
            seen: false,
        });
        Self {
            file,
            in_force,
            moving: None,
        }
    }

    /// Waits until something is to be looked at. Cancel safe.
    pub(super) async fn due(&self) {
        let times = [
            self.moving.as_ref().map(|moving| moving.look),
            self.in_force.as_ref().and_then(|order| order.until),
            self.in_force.as_ref().map(|order| order.reminder),
        ];
        match times.into_iter().flatten().min() {
            Some(at) => sleep_until(at).await,
            None => std::future::pending().await,
        }
    }

    const fn in_force(&self) -> Option<Asked> {
        match &self.in_force {
            Some(order) => Some(order.order.what),
            None => None,
        }
    }
}

/// What the engine is told for an order that is in force.
pub(super) const fn standing(what: Asked) -> Standing {
    match what {
        Asked::Yield => Standing::Yielded,
        Asked::Maintenance => Standing::Reserve,
        Asked::MaintenanceForced => Standing::Out,
        Asked::Other => Standing::Normal,
    }
}

impl Running {
    /// Takes an order; the answer may take as long as a move does.
    pub(super) fn take_order(&mut self, change: Change) {
        let Change {
            command,
            peer,
            reply,
        } = change;
        if self.stopping.is_some() {
            return answer(reply, Err(String::from("vrrpd is stopping")));
        }
        match command {
            Command::Yield { for_ms } => self.begin_move(Asked::Yield, for_ms, peer, reply),
            Command::Maintenance { for_ms, force } => {
                let what = if force {
                    Asked::MaintenanceForced
                } else {
                    Asked::Maintenance
                };
                self.begin_move(what, for_ms, peer, reply);
            }
            Command::YieldCancel => self.end_order(false, reply),
            Command::MaintenanceEnd => self.end_order(true, reply),
            Command::Status | Command::Reload | Command::Unknown => {
                answer(reply, Err(String::from("nothing to change")));
            }
        }
    }

    fn begin_move(&mut self, what: Asked, for_ms: Option<u64>, peer: Peer, reply: Reply) {
        if self.orders.moving.is_some() {
            let busy = "another yield or maintenance is still going on: try again";
            return answer(reply, Err(String::from(busy)));
        }
        if what == Asked::Yield
            && let Some(present) = self.orders.in_force().filter(|what| what.is_maintenance())
        {
            let refused = format!(
                "{present} is in force and does more than yield: {} ends it",
                present.ended_by()
            );
            return answer(reply, Err(refused));
        }
        let now = Now::read();
        let left = for_ms.map(Duration::from_millis);
        let order = Order::new(what, now.unix_ms(), left, peer);
        // Maintenance that nobody forces begins as giving way: without a successor nothing changes.
        let first = match what {
            Asked::Maintenance if self.orders.in_force().is_some_and(Asked::is_maintenance) => {
                Standing::Reserve
            }
            Asked::Maintenance => Standing::Yielded,
            Asked::Yield | Asked::MaintenanceForced | Asked::Other => standing(what),
        };
        let routers = self.core.snapshot().routers;
        let masters = routers.iter().filter(|router| {
            matches!(router.router.state, State::Active | State::Releasing)
                && !(first == Standing::Reserve)
        });
        let masters: Vec<&RouterSnapshot> = masters.collect();
        let bound = masters
            .iter()
            .map(|router| timers::successor_bound(router.router.version, router.router.interval))
            .max();
        let moving = Moving {
            order,
            until: left.map(|left| Instant::now() + left),
            reply,
            asked: now.monotonic,
            routers: masters.iter().map(|router| router.router.id).collect(),
            look: Instant::now(),
            end: Instant::now() + bound.unwrap_or_default() + PATIENCE,
        };
        if let Err(error) = self.core.stand(first) {
            return answer(moving.reply, Err(error.to_string()));
        }
        self.orders.moving = Some(moving);
        self.look_at_orders();
    }

    /// Something about orders may have changed, or is due.
    pub(super) fn look_at_orders(&mut self) {
        self.look_at_move();
        self.look_at_term();
    }

    pub(super) fn handle_orders_due(&mut self) -> Option<Exit> {
        self.look_at_orders();
        None
    }

    fn look_at_move(&mut self) {
        let Some(moving) = &mut self.orders.moving else {
            return;
        };
        let routers = self.core.snapshot().routers;
        let mut stays = Vec::new();
        let mut leaving = Vec::new();
        let mut left = Vec::new();
        for id in &moving.routers {
            // One that a reload took away has left.
            let Some(router) = routers.iter().find(|router| router.router.id == *id) else {
                continue;
            };
            match way(router, moving.asked, moving.order.what) {
                Way::Leaving => leaving.push(router),
                Way::Left => left.push(router),
                Way::Stays => stays.push(router),
            }
        }
        if !leaving.is_empty() && Instant::now() < moving.end {
            moving.look = Instant::now() + LOOK;
            return;
        }
        let Some(moving) = self.orders.moving.take() else {
            return;
        };
        stays.extend(leaving);
        if stays.is_empty() {
            let moved: Vec<String> = left.iter().map(|router| moved(router)).collect();
            self.begin_order(moving, &moved);
        } else {
            let stays: Vec<String> = stays.iter().map(|router| router.name.to_string()).collect();
            let left: Vec<String> = left.iter().map(|router| router.name.to_string()).collect();
            self.fail_move(moving, &stays, &left);
        }
    }

    /// Every router is out of MASTER: the order is in force.
    fn begin_order(&mut self, moving: Moving, moved: &[String]) {
        let Moving {
            order,
            until,
            reply,
            ..
        } = moving;
        if let Err(error) = self.core.stand(standing(order.what)) {
            return answer(reply, Err(error.to_string()));
        }
        self.orders.in_force = Some(InForce {
            order,
            until,
            reminder: Instant::now() + REMINDER,
            seen: false,
        });
        self.observer.show_order(Some(order));
        self.tell_order(AskedPhase::Began, &order);
        let mut text = order.to_string();
        for moved in moved {
            text.push('\n');
            text.push_str(moved);
        }
        if order.what.is_maintenance() {
            self.orders.file.keep(order, text, reply);
        } else {
            answer(reply, Ok(text));
        }
    }

    /// Nobody took over: the node stays what it was.
    fn fail_move(&mut self, moving: Moving, stays: &[String], left: &[String]) {
        let Moving { order, reply, .. } = moving;
        let mut text = format!(
            "nobody took over within the bound: {} {} MASTER",
            stays.join(", "),
            if stays.len() == 1 { "stays" } else { "stay" }
        );
        match order.what {
            Asked::Yield if !left.is_empty() => {
                text.push_str(&format!(
                    "; {} moved ({} takes back)",
                    left.join(", "),
                    order.what.ended_by()
                ));
                self.orders.in_force = Some(InForce {
                    order,
                    until: moving.until,
                    reminder: Instant::now() + REMINDER,
                    seen: false,
                });
                self.observer.show_order(Some(order));
            }
            Asked::Maintenance => {
                text.push_str(
                    ", and maintenance is not in force; --force does without a successor",
                );
                self.stand_as_before(&mut text);
            }
            Asked::Yield | Asked::MaintenanceForced | Asked::Other => {
                self.stand_as_before(&mut text);
            }
        }
        tracing::warn!("{}: {text}", order.what);
        answer(reply, Err(text));
    }

    fn stand_as_before(&mut self, text: &mut String) {
        let before = self.orders.in_force().map_or(Standing::Normal, standing);
        if let Err(error) = self.core.stand(before) {
            text.push_str(&format!("; {error}"));
        }
    }

    /// Time that is up, reminders, and giving way that ended because this node is needed.
    fn look_at_term(&mut self) {
        let snapshot = self.core.snapshot();
        let Some(in_force) = &mut self.orders.in_force else {
            return;
        };
        let now = Instant::now();
        let (order, wanted) = (in_force.order, standing(in_force.order.what));
        let stands = snapshot
            .routers
            .iter()
            .any(|router| router.router.standing == wanted);
        in_force.seen |= stands;
        if in_force.until.is_some_and(|until| until <= now) {
            // An engine that takes nothing has other troubles, and keeps what it was told.
            let _: Result<(), CoreError> = self.core.stand(Standing::Normal);
            self.forget_order(AskedPhase::TimeUp, &order);
            self.orders.file.forget(None);
        } else if order.what == Asked::Yield && in_force.seen && !stands {
            self.forget_order(AskedPhase::Needed, &order);
        } else if in_force.reminder <= now {
            in_force.reminder = now + REMINDER;
            if order.what.is_maintenance() {
                self.tell_order(AskedPhase::GoesOn, &order);
            }
        }
    }

    /// An operator ends what is in force or under way.
    fn end_order(&mut self, maintenance: bool, reply: Reply) {
        let matches = |what: Asked| what.is_maintenance() == maintenance;
        let moving = self
            .orders
            .moving
            .take_if(|moving| matches(moving.order.what));
        let order = self.orders.in_force().filter(|what| matches(*what));
        if moving.is_none() && order.is_none() {
            let nothing = if maintenance {
                "this node is not in maintenance: nothing to end"
            } else {
                "this node has not given way: nothing to cancel"
            };
            return answer(reply, Ok(String::from(nothing)));
        }
        if let Err(error) = self.core.stand(Standing::Normal) {
            return answer(reply, Err(error.to_string()));
        }
        if let Some(moving) = moving {
            answer(moving.reply, Err(String::from("cancelled meanwhile")));
        }
        if let Some(in_force) = &self.orders.in_force {
            let order = in_force.order;
            self.forget_order(AskedPhase::Ended, &order);
        }
        if maintenance {
            let text = String::from("maintenance ended: this node takes part as configured");
            self.orders.file.forget(Some((text, reply)));
        } else {
            let text = "no longer gives way: this node takes part as configured";
            answer(reply, Ok(String::from(text)));
        }
    }

    fn forget_order(&mut self, phase: AskedPhase, order: &Order) {
        self.orders.in_force = None;
        self.observer.show_order(None);
        self.tell_order(phase, order);
    }

    /// What outlasted the restart is told like everything else.
    pub(super) fn tell_kept_order(&self) {
        if let Some(in_force) = &self.orders.in_force {
            self.observer.show_order(Some(in_force.order));
            self.tell_order(AskedPhase::Kept, &in_force.order);
        }
    }

    fn tell_order(&self, phase: AskedPhase, order: &Order) {
        self.observer.record(Kind::Asked {
            what: order.what,
            phase,
            age_ms: order.age_ms(Now::read().unix_ms()),
            left_ms: order.left_ms(Now::read().unix_ms()),
        });
    }
}

/// How far a router is that was MASTER when it was asked to leave.
fn way(router: &RouterSnapshot, asked: vrrp_proto::time::Instant, what: Asked) -> Way {
    let router = &router.router;
    let moved = router
        .last_transition
        .filter(|transition| transition.at >= asked);
    let heard = router
        .peer
        .is_some_and(|peer| peer.heard > asked && !peer.priority.is_release());
    match (router.state, moved) {
        (State::Initialize, _) => Way::Left,
        // By force it leaves whether somebody was heard or not.
        (State::Backup, _) if heard && what != Asked::MaintenanceForced => Way::Left,
        (State::Active, Some(transition)) if transition.cause == Cause::NoSuccessor => Way::Stays,
        (State::Active, Some(transition)) if transition.from != State::Initialize => Way::Stays,
        (State::Active | State::Backup | State::Releasing, _) => Way::Leaving,
    }
}

/// Where a router's addresses are now.
fn moved(router: &RouterSnapshot) -> String {
    match router.router.peer {
        Some(peer) if router.router.state == State::Backup => format!(
            "{}: {} has the addresses now, with priority {}",
            router.name,
            peer.address,
            peer.priority.as_u8()
        ),
        Some(_) | None => format!("{}: left", router.name),
    }
}

/// A client that has gone does not matter.
fn answer(reply: Reply, answer: Result<String, String>) {
    let _ = reply.send(answer);
}

impl std::fmt::Display for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.what, self.what.meaning())?;
        match self.left() {
            Some(left) => write!(f, "; ends by itself in {}", Span(left)),
            None => write!(f, "; {} ends it", self.what.ended_by()),
        }
    }
}
