//! gRPC around the provider: which path is which call, and how messages become bytes.
//!
//! Written by hand where other projects generate code, because generating needs protoc.

use std::convert::Infallible;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Buf;
use prost::Message;
use tokio::sync::watch;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, NamedService};
use tonic::{Request, Response, Status};
use tower_service::Service;

use super::proto;
use super::service::Provider;

/// The largest message, as go-plugin has it: a state with kubeconfigs and manifests may be large.
const MESSAGE_LIMIT_BYTES: usize = 256 << 20;

type Answer = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;

/// `tfplugin5.Provider`.
#[derive(Clone)]
pub struct ProviderServer(pub Arc<Provider>);

impl NamedService for ProviderServer {
    const NAME: &'static str = "tfplugin5.Provider";
}

impl Service<http::Request<Body>> for ProviderServer {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Answer {
        let provider = Arc::clone(&self.0);
        let path = request.uri().path().to_owned();
        let call = path.strip_prefix("/tfplugin5.Provider/").unwrap_or_default();
        macro_rules! now {
            ($method:ident) => {
                unary(request, move |message| std::future::ready(provider.$method(message)))
            };
        }
        macro_rules! later {
            ($method:ident) => {
                unary(request, move |message| {
                    let provider = Arc::clone(&provider);
                    async move { provider.$method(message).await }
                })
            };
        }
        match call {
            "GetSchema" => unary(request, move |_: proto::Empty| std::future::ready(provider.schema())),
            "GetMetadata" => unary(request, move |_: proto::Empty| std::future::ready(provider.metadata())),
            "PrepareProviderConfig" => now!(prepare_config),
            "ValidateResourceTypeConfig" => now!(validate_resource),
            "ValidateDataSourceConfig" => now!(validate_data_source),
            "UpgradeResourceState" => now!(upgrade),
            "Configure" => now!(configure),
            "PlanResourceChange" => now!(plan),
            "ImportResourceState" => now!(import),
            "ReadResource" => later!(read),
            "ApplyResourceChange" => later!(apply),
            "ReadDataSource" => later!(read_data),
            "Stop" => unary(request, move |_: proto::Empty| std::future::ready(provider.stop())),
            _ => unimplemented(&path),
        }
    }
}

/// `plugin.GRPCController`, with which terraform asks the process to end.
#[derive(Clone)]
pub struct Controller(pub watch::Sender<bool>);

impl NamedService for Controller {
    const NAME: &'static str = "plugin.GRPCController";
}

impl Service<http::Request<Body>> for Controller {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Answer {
        match request.uri().path() {
            "/plugin.GRPCController/Shutdown" => {
                let end = self.0.clone();
                unary(request, move |_: proto::Empty| {
                    end.send_replace(true);
                    std::future::ready(proto::Empty {})
                })
            }
            path => unimplemented(path),
        }
    }
}

fn unimplemented(path: &str) -> Answer {
    let answer = Status::unimplemented(format!("{path} is not part of this provider")).into_http();
    Box::pin(std::future::ready(Ok(answer)))
}

fn unary<Ask, Reply, Handler, Reached>(request: http::Request<Body>, handler: Handler) -> Answer
where
    Ask: Message + Default + 'static,
    Reply: Message + Default + 'static,
    Handler: FnMut(Ask) -> Reached + Send + 'static,
    Reached: Future<Output = Reply> + Send + 'static,
{
    let mut grpc = Grpc::new(Prost::<Reply, Ask>(PhantomData))
        .max_decoding_message_size(MESSAGE_LIMIT_BYTES)
        .max_encoding_message_size(MESSAGE_LIMIT_BYTES);
    Box::pin(async move { Ok(grpc.unary(Method(handler, PhantomData::<fn(Ask) -> Reply>), request).await) })
}

/// One call, as tonic wants it.
struct Method<Handler, Kind>(Handler, PhantomData<Kind>);

impl<Ask, Reply, Handler, Reached> Service<Request<Ask>> for Method<Handler, fn(Ask) -> Reply>
where
    Handler: FnMut(Ask) -> Reached,
    Reached: Future<Output = Reply> + Send + 'static,
{
    type Response = Response<Reply>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Reply>, Status>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Ask>) -> Self::Future {
        let reached = (self.0)(request.into_inner());
        Box::pin(async move { Ok(Response::new(reached.await)) })
    }
}

/// Protobuf in both directions.
struct Prost<Out, In>(PhantomData<fn(Out) -> In>);

impl<Out: Message + 'static, In: Message + Default + 'static> Codec for Prost<Out, In> {
    type Encode = Out;
    type Decode = In;
    type Encoder = Half<Out>;
    type Decoder = Half<In>;

    fn encoder(&mut self) -> Half<Out> {
        Half(PhantomData)
    }

    fn decoder(&mut self) -> Half<In> {
        Half(PhantomData)
    }
}

/// Protobuf in one direction.
struct Half<T>(PhantomData<fn(T)>);

impl<T: Message> Encoder for Half<T> {
    type Item = T;
    type Error = Status;

    fn encode(&mut self, item: T, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.reserve(item.encoded_len());
        item.encode(buffer).map_err(|error| Status::internal(error.to_string()))
    }
}

impl<T: Message + Default> Decoder for Half<T> {
    type Item = T;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<T>, Status> {
        let bytes = buffer.copy_to_bytes(buffer.remaining());
        T::decode(bytes).map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}
