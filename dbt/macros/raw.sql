{#- Reading what Airbyte wrote. A stream that was not selected has no table, a deselected column is not
    there, and `_ab_cdc_deleted_at` comes only with the connector's option track_deletions: each is made up
    for here, so that every model after this finds the same columns. -#}

{#- Look for the tables before models are built, once a run. Where there is none at all, or only another
    source's of the same name, the place is wrong and every model would become empty: the run fails before it
    changes one. A few that are missing belong to streams that were not selected, or are a mistake: a warning
    names them. Commands that build no model of this package need no tables, and --empty asks for empty ones. -#}
{% macro require_tables() %}
  {% set builds = flags.WHICH in ['run', 'build'] and not flags.EMPTY
    and ' model.asana_airbyte.' in ' ' ~ selected_resources | join(' ') %}
  {% if not execute or not builds or not var('asana_airbyte_look_at_tables') %}{{ return('') }}{% endif %}
  {% set read = [] %}
  {% for node in graph.nodes.values() if node.package_name == 'asana_airbyte' and node.resource_type == 'model' %}
    {% do read.extend(node.depends_on.nodes) %}
  {% endfor %}
  {% set tables = graph.sources.values() | selectattr('unique_id', 'in', read) | list %}
  {% set missing = [] %}
  {% set state = namespace(is_asana=false) %}
  {% for table in tables %}
    {% if not adapter.get_relation(table.database, table.schema, table.identifier) %}
      {% do missing.append(table.identifier) %}
    {% elif not state.is_asana %}
      {% set state.is_asana = 'gid' in asana_airbyte.raw_columns(table.name) %}
    {% endif %}
  {% endfor %}
  {% set place = [tables[0].database, tables[0].schema] | select | join('.') %}
  {% if not state.is_asana %}
    {% do exceptions.raise_compiler_error(
      'No table of source-asana, such as ' ~ var('asana_airbyte_prefix') ~ 'tasks, is in the schema ' ~ place
      ~ ': set the variable asana_airbyte_schema (and asana_airbyte_database and asana_airbyte_prefix, where'
      ~ ' needed) to where Airbyte writes; no table was changed.'
    ) %}
  {% elif missing %}
    {% do exceptions.warn(
      'The schema ' ~ place ~ ' has no table ' ~ missing | sort | join(', ') ~ ': what comes from there is'
      ~ ' empty or null; it may be that these streams are not selected.'
    ) %}
  {% endif %}
{% endmacro %}


{#- Column name in lower case -> its type and its quoted name, of a stream's table. None when there is no
    table, empty when tables are not looked at. -#}
{% macro raw_columns(stream) %}
  {% set place = source('asana_airbyte', stream) %}
  {% if not execute or not var('asana_airbyte_look_at_tables') %}{{ return({}) }}{% endif %}
  {% set table = adapter.get_relation(place.database, place.schema, place.identifier) %}
  {% if table is none %}{{ return(none) }}{% endif %}
  {% set found = {} %}
  {% for column in adapter.get_columns_in_relation(table) %}
    {% do found.update({column.name | lower: {'type': column.dtype, 'quoted': adapter.quote(column.name)}}) %}
  {% endfor %}
  {{ return(found) }}
{% endmacro %}


{#- Name -> type of the columns custom_..., which the connector's option custom_field_columns adds. Asana's own
    differ by stream: a field may be named like what only another stream has. -#}
{% macro custom_columns(streams) %}
  {% set of_tasks = ['custom_fields', 'custom_type', 'custom_type_status_option'] %}
  {% set of_others = ['custom_fields', 'custom_field_settings'] %}
  {% set found = {} %}
  {% for stream in streams %}
    {% set known = of_tasks if stream in ['tasks', 'subtasks'] else of_others %}
    {% for name, column in (asana_airbyte.raw_columns(stream) or {}).items() %}
      {% if name.startswith('custom_') and name not in known %}{% do found.update({name: column.type}) %}{% endif %}
    {% endfor %}
  {% endfor %}
  {{ return(found) }}
{% endmacro %}


{#- The newest version of each record of a stream, without what is deleted.

    columns: name -> kind (text, boolean, integer, number, date, time, json).
    key: the primary key. custom: name -> type of further columns, taken as they are.
    renamed: name -> the stream's own name, where that is a reserved word.

    Records that are there once, which are all where the destination removes duplicates, are not compared: no
    warehouse has to sort whole tables. A model that is a table keeps its rows where the stream's table is gone. -#}
{% macro staged(stream, columns, key=['gid'], custom={}, renamed={}) %}
  {{- asana_airbyte.newest([stream], columns, key, custom, renamed) -}}
{% endmacro %}


{#- The same for records that come in several streams: the newest version of all of them that is not deleted;
    of equally new ones that of the first stream. With missing_from, a relation with the same key of one column,
    only of those whose key is not there. -#}
{% macro newest(streams, columns, key=['gid'], custom={}, renamed={}, missing_from=none) %}
  {%- set places = {} -%}
  {%- for stream in streams if execute -%}
    {%- set found = asana_airbyte.raw_columns(stream) -%}
    {%- if found is not none -%}{%- do places.update({stream: found}) -%}{%- endif -%}
  {%- endfor -%}
  {%- set names = [] -%}
  {%- for name in columns -%}{%- do names.append(name) -%}{%- endfor -%}
  {%- for name in custom -%}{%- do names.append(asana_airbyte.quoted(name)) -%}{%- endfor -%}
  {#- So that a model depends on its sources also where there are no tables. -#}
  {%- for stream in streams -%}{%- set place = source('asana_airbyte', stream) -%}{%- endfor -%}
  {%- if not places -%}
    {{ asana_airbyte.kept_rows(columns, custom, keeps=not missing_from) }}
  {%- else -%}
with {% if missing_from %}missing as (
  select missing_key
  from (
    {%- for stream, found in places.items() %}
    {{ 'union ' if not loop.first }}select {{ asana_airbyte.raw_column(renamed.get(key[0], key[0]), 'text', found) }} as missing_key
    from {{ source('asana_airbyte', stream) }}
    {%- endfor %}
  ) as all_keys
  where not exists (select 1 from {{ missing_from }} as stored where stored.{{ key[0] }} = all_keys.missing_key)
),

{% endif -%}
repeated as ({{ asana_airbyte.repeated(places, key, renamed, missing_from) }})

select
  {%- for name in names %}
  {{ name }},
  {%- endfor %}
  synced_at,
  extracted_at
from ({{ asana_airbyte.records(places, columns, key, custom, renamed, missing_from) }}) as single_records
left join repeated
  on {% for name in key %}{{ ' and ' if not loop.first }}repeated.repeated_{{ name }} = single_records.{{ name }}{% endfor %}
where not is_deleted and repeated.repeated_{{ key[0] }} is null
union all
select
  {%- for name in names %}
  {{ name }},
  {%- endfor %}
  synced_at,
  extracted_at
from (
  select
    versions.*,
    row_number() over (
      partition by {{ key | join(', ') }} order by synced_at desc, extracted_at desc, stream_rank
    ) as record_rank
  from (
    select
      repeated_records.*,
      row_number() over (
        partition by {{ key | join(', ') }}, stream_rank order by synced_at desc, extracted_at desc
      ) as version_rank
    from ({{ asana_airbyte.records(places, columns, key, custom, renamed, missing_from) }}) as repeated_records
    inner join repeated
      on {% for name in key %}{{ ' and ' if not loop.first }}repeated.repeated_{{ name }} = repeated_records.{{ name }}{% endfor %}
  ) as versions
  where version_rank = 1 and not is_deleted
) as records
where record_rank = 1
  {%- endif -%}
{%- endmacro %}


{#- All versions of the records of some streams, which is stream -> its columns. -#}
{% macro records(places, columns, key, custom, renamed, missing_from) %}
  {%- set moments = [] -%}
  {%- for stream, found in places.items() %}
  {{ 'union all' if not loop.first }}
  {%- set extracted = asana_airbyte.raw_column('_airbyte_extracted_at', 'time', found) %}
  {%- set synced = asana_airbyte.raw_column('synced_at', 'time', found) %}
  select
    {%- for name, kind in columns.items() %}
    {{ asana_airbyte.raw_column(renamed.get(name, name), kind, found) }} as {{ name }},
    {%- endfor %}
    {%- for name, type in custom.items() %}
    {{ found[name].quoted if name in found else 'cast(null as ' ~ type ~ ')' }} as {{ asana_airbyte.quoted(name) }},
    {%- endfor %}
    coalesce({{ synced }}, {{ extracted }}, {{ asana_airbyte.long_ago() }}) as synced_at,
    coalesce({{ extracted }}, {{ synced }}, {{ asana_airbyte.long_ago() }}) as extracted_at,
    {{ asana_airbyte.is_tombstone(found) }} as is_deleted,
    {{ loop.index }} as stream_rank
  from {{ asana_airbyte.raw_rows(stream, found, key, renamed, missing_from) }}
  {%- endfor %}
{%- endmacro %}


{#- The keys that are there more than once. -#}
{% macro repeated(places, key, renamed, missing_from) %}
  {%- set keys = {} -%}
  {%- for name in key -%}{%- do keys.update({name: 'text'}) -%}{%- endfor -%}
  select{% for name in key %} {{ name }} as repeated_{{ name }}{{ ',' if not loop.last }}{% endfor %}
  from (
    {%- for stream, found in places.items() %}
    {{ 'union all ' if not loop.first }}select
      {%- for name in key %} {{ asana_airbyte.raw_column(renamed.get(name, name), 'text', found) }} as {{ name }}{{ ',' if not loop.last }}{% endfor %}
      from {{ asana_airbyte.raw_rows(stream, found, key, renamed, missing_from) }}
    {%- endfor %}
  ) as all_keys
  group by {{ key | join(', ') }}
  having count(*) > 1
{%- endmacro %}


{#- A stream's table, and which of its rows count. With Full Refresh | Append it has every refresh; only the newest
    one says what there is. -#}
{% macro raw_rows(stream, found, key, renamed, missing_from) -%}
  {%- set conditions = [] -%}
  {%- if stream in var('asana_airbyte_full_refresh_append') -%}
    {%- set generation = found['_airbyte_generation_id'].quoted if '_airbyte_generation_id' in found
      else asana_airbyte.quoted('_airbyte_generation_id') -%}
    {%- do conditions.append(generation ~ ' = (select max(' ~ generation ~ ') from ' ~ source('asana_airbyte', stream) ~ ')') -%}
  {%- endif -%}
  {%- if missing_from -%}
    {%- set raw_key = asana_airbyte.raw_column(renamed.get(key[0], key[0]), 'text', found) -%}
    {%- do conditions.append(raw_key ~ ' in (select missing_key from missing)') -%}
  {%- endif -%}
  {{ source('asana_airbyte', stream) }}{{ ' where ' ~ conditions | join(' and ') if conditions }}
{%- endmacro %}


{#- What a model has now, for the time that its stream's table is gone; no row where it is new or a view,
    or keeps them itself. -#}
{% macro kept_rows(columns, custom, keeps) %}
  {%- set kept = {} -%}
  {%- set state = namespace(old=none) -%}
  {%- if execute and keeps and model.config.materialized != 'view' and var('asana_airbyte_look_at_tables') -%}
    {%- set state.old = adapter.get_relation(this.database, this.schema, this.identifier) -%}
  {%- endif -%}
  {%- if state.old is not none and not flags.EMPTY -%}
    {%- for column in adapter.get_columns_in_relation(state.old) -%}
      {%- do kept.update({column.name | lower: adapter.quote(column.name)}) -%}
    {%- endfor -%}
  {%- endif -%}
select
  {%- for name, kind in columns.items() %}
  {{ kept.get(name) or asana_airbyte.as_kind('null', kind) }} as {{ name }},
  {%- endfor %}
  {%- for name, type in custom.items() %}
  {{ kept.get(name | lower) or 'cast(null as ' ~ type ~ ')' }} as {{ asana_airbyte.quoted(name) }},
  {%- endfor %}
  {%- for name in ['synced_at', 'extracted_at'] %}
  {{ kept.get(name) or asana_airbyte.as_kind('null', 'time') }} as {{ name }}{{ ',' if not loop.last }}
  {%- endfor %}
from {% if kept %}{{ state.old }}{% else %}(select 1 as nothing) as no_table
where 1 = 0{% endif %}
{%- endmacro %}


{% macro raw_column(name, kind, found) -%}
  {%- set column = found.get(name) if found else none -%}
  {%- if found is none or (found and not column) -%}
    {{ asana_airbyte.as_kind('null', kind) }}
  {%- else -%}
    {%- set quoted = column.quoted if column else asana_airbyte.quoted(name) -%}
    {%- if kind == 'time' -%}
      {{ asana_airbyte.as_time(quoted, column.type if column else '') }}
    {%- elif kind == 'json' and target.type not in ('duckdb', 'postgres') -%}
      {{ quoted }}
    {%- else -%}
      {{ asana_airbyte.as_kind(quoted, kind) }}
    {%- endif -%}
  {%- endif -%}
{%- endmacro %}


{#- A column that was not looked up, as a destination names it: Snowflake's has capitals. -#}
{% macro quoted(name) %}
  {{- return(adapter.quote(name | upper if target.type == 'snowflake' else name)) -}}
{% endmacro %}


{% macro is_tombstone(found) -%}
  {%- if found -%}
    {%- set column = found.get('_ab_cdc_deleted_at') -%}
    {{ '(' ~ column.quoted ~ ' is not null)' if column else '(1 = 0)' }}
  {%- elif found is not none and var('asana_airbyte_track_deletions') -%}
    ({{ asana_airbyte.quoted('_ab_cdc_deleted_at') }} is not null)
  {%- else -%}
    (1 = 0)
  {%- endif -%}
{%- endmacro %}


{#- `with recursive` wants its columns named in Redshift and must not have them in BigQuery. -#}
{% macro column_names(names) -%}
  {{ return(adapter.dispatch('column_names', 'asana_airbyte')(names)) }}
{%- endmacro %}
{% macro default__column_names(names) %}({{ names | join(', ') }}){% endmacro %}
{% macro bigquery__column_names(names) %}{% endmacro %}


{#- Whether any of these streams was selected. -#}
{% macro has_any_table(streams) %}
  {#- All are named first, so that a model depends on each of them. #}
  {%- set places = [] -%}
  {%- for stream in streams -%}{%- do places.append(source('asana_airbyte', stream)) -%}{%- endfor -%}
  {%- if not execute or not var('asana_airbyte_look_at_tables') -%}{{ return(true) }}{%- endif -%}
  {%- for place in places if adapter.get_relation(place.database, place.schema, place.identifier) -%}
    {{ return(true) }}
  {%- endfor -%}
  {{ return(false) }}
{% endmacro %}


{#- Whether a parent is there too: what belongs to something deleted is hidden with it. True when the
    parents' streams were not selected, as nothing is known of them then. -#}
{% macro is_known(column, model, key, streams) -%}
  {%- set parents = ref(model) -%}
  {{ column ~ ' in (select ' ~ key ~ ' from ' ~ parents ~ ')' if asana_airbyte.has_any_table(streams) else '1 = 1' }}
{%- endmacro %}


{#- Whether something that is named with its type is there; true for types that have no table here. -#}
{% macro is_there(type, gid) -%}
  (
    case {{ type }}
      {%- for kind in ['project', 'portfolio', 'goal'] %}
      when '{{ kind }}' then {{ asana_airbyte.is_known(gid, 'stg_asana__' ~ kind, 'gid', [kind ~ 's']) }}
      {%- endfor %}
      when 'task' then {{ asana_airbyte.is_known(gid, 'stg_asana__task', 'task_id', ['tasks', 'subtasks']) }}
      else 1 = 1
    end
  )
{%- endmacro %}


{#- How many records of a stream are marked as deleted. -#}
{% macro tombstones(stream) -%}
  {%- set place = source('asana_airbyte', stream) -%}
  {%- set found = asana_airbyte.raw_columns(stream) -%}
  {%- if found is none or asana_airbyte.is_tombstone(found) == '(1 = 0)' -%}
    0
  {%- else -%}
    (select count(*) from {{ place }} where {{ asana_airbyte.is_tombstone(found) }})
  {%- endif -%}
{%- endmacro %}
