// GraphiQL over this server: queries by HTTP, subscriptions by graphql-transport-ws.
const address = location.origin + "/graphql";
const fetcher = GraphiQL.createFetcher({
  url: address,
  wsClient: graphqlWs.createClient({ url: address.replace(/^http/, "ws") }),
});
const defaultQuery = `# Enterprise Brain: the live operational model. Ctrl-Space completes, Ctrl-Enter runs.
{
  bottlenecks(objectType: "MedicationOrder") {
    edges { source target count meanSeconds totalSeconds }
  }
  infusionPumps(first: 3) {
    edges { node { id flow state locatedIn { id } quality { property verdict at } } }
  }
}
`;
ReactDOM.createRoot(document.getElementById("graphiql")).render(React.createElement(GraphiQL, { fetcher, defaultQuery }));
