/** Where this hub is reached: what the configuration says, else where the listeners are bound. */
import { ConfigError, type HubConfig } from './config.ts';

export class Addresses {
  private readonly config: HubConfig;
  private httpUrl: string | null = null;
  private grpcUrl: string | null = null;

  constructor(config: HubConfig) {
    this.config = config;
    if (!config.roles.includes('agents') && config.roles.includes('api') && config.grpcPublicUrl === null) {
      throw new ConfigError('HUB_GRPC_PUBLIC_URL', 'is needed where the role `agents` runs elsewhere');
    }
  }

  boundHttp(address: string): void {
    this.httpUrl = `${this.config.httpTls ? 'https' : 'http'}://${address}`;
  }

  boundGrpc(address: string): void {
    this.grpcUrl = `https://${address}`;
  }

  get publicUrl(): string {
    return (
      this.config.publicUrl ?? this.httpUrl ?? `https://${this.config.http.host}:${this.config.http.port}`
    );
  }

  /** Given to agents when they enrol. */
  get grpcPublicUrl(): string {
    return (
      this.config.grpcPublicUrl ?? this.grpcUrl ?? `https://${this.config.grpc.host}:${this.config.grpc.port}`
    );
  }

  /** Host names and addresses that server certificates must name. */
  get serverNames(): string[] {
    const { publicUrl, grpcPublicUrl, http, grpc } = this.config;
    const hosts = [publicUrl, grpcPublicUrl].flatMap((url) => (url === null ? [] : [new URL(url).hostname]));
    const bound = [http.host, grpc.host].filter((host) => host !== '0.0.0.0' && host !== '::');
    const names = ['localhost', '127.0.0.1', '::1', ...hosts, ...bound].map((name) =>
      name.replace(/^\[|\]$/g, ''),
    );
    return [...new Set(names)];
  }
}
