//! terraform: a state of seven resources a cluster, made or destroyed one after the other, and plans of what is missing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use kaas::lifecycle::cloud::{Order, PoolOrder};
use kaas::lifecycle::{ChangeNumber, ClusterKey, ContentDigest, EffectKey, Plan, PlanDigest, Risk};
use kaas::ports::{Answer, Applied, Call, Job, Planned, Progress, ProgressSink, Runner, Trouble};
use kaas::record::hex;
use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep_until};

use super::{Common, FakeRancher, Part};

/// How many resources a cluster is made of.
const RESOURCES: u32 = 7;

/// The resource at which Rancher learns of the cluster.
const CLUSTER_AT: u32 = 3;

const PLANNING: Duration = Duration::from_secs(8);
const EACH: Duration = Duration::from_secs(10);

pub struct FakeTerraform {
    common: Arc<Common>,
    rancher: Arc<FakeRancher>,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    made: BTreeMap<ClusterKey, u32>,
    /// How often the world moved under a cluster's plan.
    moved: BTreeMap<ClusterKey, u32>,
    texts: BTreeMap<(ClusterKey, PlanDigest), Arc<str>>,
    /// What runs, by effect: since when, and how many resources there were.
    runs: BTreeMap<EffectKey, (Instant, u32)>,
    /// Approved plans whose apply has begun.
    began: BTreeMap<(ClusterKey, ChangeNumber), PlanDigest>,
    fails_planning: Option<&'static str>,
    fails_after: Option<(u32, &'static str)>,
    /// terraform waits for the cluster in vain, and leaves it tainted.
    times_out: Option<&'static str>,
    /// terraform waits until Rancher has removed what it destroys, as the real one does.
    waits: bool,
    /// What an apply that failed left tainted, and which apply: the next one would destroy it and make it anew.
    tainted: BTreeMap<ClusterKey, EffectKey>,
}

impl Held {
    /// The plan of what is missing.
    fn plan(&self, job: &Job) -> Plan {
        let made = self.made.get(&job.cluster).copied().unwrap_or_default();
        let moved = self.moved.get(&job.cluster).copied().unwrap_or_default();
        plan(&job.cluster, job.destroy, made, moved, &job.content)
    }

    /// What was planned before anything was made (or destroyed).
    fn whole(&self, job: &Job, made: u32) -> PlanDigest {
        let moved = self.moved.get(&job.cluster).copied().unwrap_or_default();
        plan(&job.cluster, job.destroy, made, moved, &job.content).digest
    }
}

fn plan(cluster: &ClusterKey, destroy: bool, made: u32, moved: u32, content: &ContentDigest) -> Plan {
    let add = if destroy { 0 } else { RESOURCES - made };
    let gone = if destroy { made } else { moved.min(1) };
    let highlights = match gone {
        0 => Vec::new(),
        1 => vec!["destroys rancher2_machine_config_v2.pool".to_owned()],
        _ => {
            vec!["destroys rancher2_cluster_v2.this".to_owned(), "destroys rancher2_machine_config_v2.pool".to_owned()]
        }
    };
    let digest = hex(&Sha256::digest(format!("{cluster} {destroy} {made} {moved} {content}")));
    Plan {
        digest: digest.parse().unwrap(),
        content: content.clone(),
        add,
        change: 0,
        destroy: gone,
        risk: if gone > 0 { Risk::Red } else { Risk::Green },
        highlights,
    }
}

impl FakeTerraform {
    pub fn new(common: &Arc<Common>, rancher: &Arc<FakeRancher>) -> Arc<Self> {
        Arc::new(Self { common: Arc::clone(common), rancher: Arc::clone(rancher), held: Mutex::default() })
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap()
    }

    /// From now on no plan can be made; `None` mends it.
    pub fn fails_planning(&self, line: Option<&'static str>) {
        self.held().fails_planning = line;
    }

    /// From now on an apply fails once it has made (or destroyed) so many resources; `None` mends it.
    pub fn fails_after(&self, fails: Option<(u32, &'static str)>) {
        self.held().fails_after = fails;
    }

    /// From now on terraform waits for a cluster in vain once Rancher has it; `None` mends it.
    pub fn times_out(&self, line: Option<&'static str>) {
        self.held().times_out = line;
    }

    /// From now on a destroy waits until Rancher is done.
    pub fn waits_for_removals(&self) {
        self.held().waits = true;
    }

    /// Somebody changes something by hand, so that the next plan is another one.
    pub fn world_moves(&self, cluster: &ClusterKey) {
        *self.held().moved.entry(cluster.clone()).or_default() += 1;
    }

    /// How many resources there are.
    pub fn made(&self, cluster: &ClusterKey) -> u32 {
        self.held().made.get(cluster).copied().unwrap_or_default()
    }

    fn keep_text(held: &mut Held, job: &Job, plan: &Plan) {
        let text = format!("Plan: {} to add, {} to change, {} to destroy.\n", plan.add, plan.change, plan.destroy);
        held.texts.insert((job.cluster.clone(), plan.digest.clone()), text.into());
    }

    /// Whether the apply may go on: the plan is the approved one, or the rest of it.
    fn may_go_on(held: &Held, job: &Job, approved: &PlanDigest) -> bool {
        if held.plan(job).digest == *approved {
            return true;
        }
        let began = held.began.get(&(job.cluster.clone(), job.change)) == Some(approved);
        began && (0..=RESOURCES).any(|made| held.whole(job, made) == *approved)
    }

    /// Makes or destroys the next resource. `None` where there is none left.
    fn next(&self, call: &Call, job: &Job) -> Answer<Option<Instant>> {
        let now = Instant::now();
        let mut held = self.held();
        let made = held.made.get(&job.cluster).copied().unwrap_or_default();
        let (since, first) = *held.runs.entry(call.key.clone()).or_insert((now, made));
        let done = if job.destroy { first - made } else { made - first };
        let all = if job.destroy { first } else { RESOURCES - first };
        if done == all {
            return Ok(None);
        }
        if let Some((after, line)) = held.fails_after
            && (if job.destroy { RESOURCES - made } else { made }) >= after
        {
            return Err(Trouble::Lasting { line: line.to_owned(), source: None });
        }
        let due = since + EACH * (done + 1);
        let tainted = held.tainted.get(&job.cluster);
        if let Some(line) = held.times_out.filter(|_| tainted == Some(&call.key)) {
            return Err(Trouble::Lasting { line: line.to_owned(), source: None });
        }
        if due <= now && !job.destroy && made == CLUSTER_AT && tainted.is_some() {
            self.common.wrong(format!("terraform destroys {} and makes it anew, because it is tainted", job.cluster));
        }
        if due <= now {
            let made = if job.destroy { made - 1 } else { made + 1 };
            held.made.insert(job.cluster.clone(), made);
            let vain = held.times_out.filter(|_| !job.destroy && made == CLUSTER_AT);
            if vain.is_some() {
                held.tainted.insert(job.cluster.clone(), call.key.clone());
            }
            if job.destroy {
                held.tainted.remove(&job.cluster);
            }
            drop(held);
            match (job.destroy, made) {
                (false, CLUSTER_AT) => self.rancher.provision(&job.cluster.name),
                (true, made) if made + 1 == CLUSTER_AT => self.rancher.remove(&job.cluster.name),
                _ => {}
            }
            if let Some(line) = vain {
                return Err(Trouble::Lasting { line: line.to_owned(), source: None });
            }
        }
        Ok(Some(due))
    }
}

#[async_trait]
impl Runner for FakeTerraform {
    async fn plan(&self, call: &Call, job: &Job, progress: ProgressSink) -> Answer<Planned> {
        self.common.begins(Part::Terraform, call)?;
        let since = self.held().runs.entry(call.key.clone()).or_insert((Instant::now(), 0)).0;
        progress(Progress { step: "planning", done: None, detail: Some("terraform plan".to_owned()) });
        sleep_until(since + PLANNING).await;
        let mut held = self.held();
        if let Some(line) = held.fails_planning {
            return Err(Trouble::Lasting { line: line.to_owned(), source: None });
        }
        let plan = held.plan(job);
        Self::keep_text(&mut held, job, &plan);
        let pool = PoolOrder {
            name: "worker-a".to_owned(),
            count: 3,
            region: Some("eu-west-1".to_owned()),
            ..PoolOrder::default()
        };
        Ok(Planned { plan, order: Order { pools: vec![pool] } })
    }

    async fn apply(&self, call: &Call, job: &Job, approved: &PlanDigest, progress: ProgressSink) -> Answer<Applied> {
        self.common.begins(Part::Terraform, call)?;
        {
            let mut held = self.held();
            if !Self::may_go_on(&held, job, approved) {
                let plan = held.plan(job);
                Self::keep_text(&mut held, job, &plan);
                return Ok(Applied::Drifted(plan));
            }
            held.began.insert((job.cluster.clone(), job.change), approved.clone());
        }
        while let Some(due) = self.next(call, job)? {
            let made = self.made(&job.cluster);
            progress(Progress { step: "applying", done: Some((made, RESOURCES)), detail: None });
            tokio::select! {
                () = sleep_until(due) => {}
                () = call.stop.cancelled() => return Err(Trouble::Stopped),
            }
        }
        while job.destroy && self.held().waits && self.rancher.is_removing(&job.cluster.name) {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(10)) => {}
                () = call.stop.cancelled() => return Err(Trouble::Stopped),
            }
        }
        let id = if job.destroy { None } else { self.rancher.id_of(&job.cluster.name) };
        Ok(Applied::Yes { outputs: id.map(|id| ("cluster_id".to_owned(), id)).into_iter().collect() })
    }

    /// What an apply itself leaves is met by the next one: asked again, it fails again.
    async fn tainted(&self, call: &Call, job: &Job) -> Answer<Vec<String>> {
        let tainted = self.held().tainted.get(&job.cluster).is_some_and(|by| *by != call.key);
        Ok(tainted.then(|| format!("module.{}.rancher2_cluster_v2.this", job.cluster.name)).into_iter().collect())
    }

    async fn untaint(&self, _call: &Call, job: &Job, _addresses: &[String]) -> Answer<()> {
        self.held().tainted.remove(&job.cluster);
        Ok(())
    }

    async fn began(&self, cluster: &ClusterKey, change: ChangeNumber, approved: &PlanDigest) -> bool {
        self.held().began.get(&(cluster.clone(), change)) == Some(approved)
    }

    async fn plan_text(&self, cluster: &ClusterKey, _change: ChangeNumber, plan: &PlanDigest) -> Answer<Arc<str>> {
        let missing = || Trouble::Lasting { line: "the plan's text is gone".to_owned(), source: None };
        self.held().texts.get(&(cluster.clone(), plan.clone())).cloned().ok_or_else(missing)
    }

    async fn forget(&self, cluster: &ClusterKey) {
        if self.made(cluster) > 0 {
            self.common.wrong(format!("the working files of {cluster} are forgotten while it exists"));
        }
    }
}
