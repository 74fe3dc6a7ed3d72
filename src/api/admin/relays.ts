/** POST /relays */
export interface NewRelay {
  readonly name: string;
  /** HOST:PORT of every server of the network; those of this one when absent */
  readonly servers?: readonly string[];
}

/** The token is shown once. */
export interface NewRelayAnswer {
  readonly name: string;
  readonly token: string;
  readonly servers: readonly string[];
}

export interface RelayAnswer {
  readonly name: string;
  readonly createdAt: number;
  /** whether it is connected to this server */
  readonly connected: boolean;
  /** where nodes reach it over UDP */
  readonly endpoints: readonly string[];
}

/** GET /relays */
export interface RelayList {
  readonly relays: readonly RelayAnswer[];
}
