/*  From a term of a text to items: what of a block is carried out one after another.

    An item is one of

      clause(Place, Clause)            added
      declaration(Place, Directive)    carried out: dynamic, op, use_module ...; also when the text is only read
      goal(Place, Goal, Marked, Places)  called once; Marked is Goal with marks that tell how far it came, Places those of its parts
      raise(Place, Error)              an error that was found when the text was looked at, due when its turn comes

    and a Place is Start-End, offsets in the text.

    What stands alone in a text (no :-, no -->) is a goal if it is an atom or if there is a predicate of its name and arity:
    a built-in one, one of a library, or one of the block whose rules could answer it. Else it is a fact.
*/

:- module(tea_items, [items_of/2, clauses/3, note_goals/0, forget_goals/0, own/1, defined_in/2, import_chain/2]).

:- use_module(library(lists), [append/2, member/2]).
:- use_module(answer).
:- use_module(guard).
:- use_module(text, [quotes_flag/1]).

:- dynamic goals_seen/0.        % a goal of the block was looked at

items_of(term(Term, Place, Inside, Anonymous, _), Items) :-
    kind(Term, Anonymous, Kind),
    items_of(Kind, Term, Place, Inside, Items).

items_of(clause, Term, Place, _, Items) :-
    expand_term(Term, Expanded),
    clauses(Expanded, Place, Items).
items_of(declaration, Term, _, _, []) :-
    directive(Term, set_prolog_flag(Flag, _)),
    quotes_flag(Flag),
    !.
items_of(declaration, Term, Place, _, [declaration(Place, Goal)]) :-
    directive(Term, Directive),
    permit_declaration(Directive),
    (   Directive = op(Priority, Type, Names)
    ->  Goal = tea_op(Priority, Type, Names)
    ;   Goal = Directive
    ).
items_of(goal, Term, Place, Inside, [goal(Place, Goal, Marked, Places)]) :-
    directive(Term, Body),
    inside_directive(Term, Inside, BodyInside),
    conjuncts(Body, BodyInside, Conjuncts),
    goals(Conjuncts, Goals, Places0),
    conjunction(Goals, Goal),
    (   Goals = [_]
    ->  Marked = Goal,
        Places = []
    ;   marked(Goals, 1, Marks),
        conjunction(Marks, Marked),
        Places = Places0
    ),
    (   sandboxed
    ->  permit_goals(Goals, Places0),
        note_goals
    ;   true
    ).

note_goals :-
    ( goals_seen -> true ; assertz(goals_seen) ).

forget_goals :-
    retractall(goals_seen).

%   One by one, so that the one that is refused can be named; nothing that is looked at depends on the goals before it.

permit_goals([], []).
permit_goals([Goal|Goals], [Place|Places]) :-
    catch(permit_goal(Goal), Error, true),
    (   var(Error)
    ->  permit_goals(Goals, Places)
    ;   throw(tea_at(Place, Error))
    ).

directive((:- initialization(Body)), Body) :- !.
directive((:- initialization(Body, _)), Body) :- !.
directive((:- Body), Body) :- !.
directive((?- Body), Body) :- !.
directive(Body, Body).

inside_directive((:- Body), _, unknown) :- nonvar(Body), functor(Body, initialization, _), !.
inside_directive((:- _), term_position(_, _, _, _, [Inside]), Inside) :- !.
inside_directive((?- _), term_position(_, _, _, _, [Inside]), Inside) :- !.
inside_directive(_, Inside, Inside).

goals([], [], []).
goals([Term-Place|Conjuncts], [Goal|Goals], [Place|Places]) :-
    expand_goal(Term, Expanded),
    guarded(Expanded, Goal),
    goals(Conjuncts, Goals, Places).

marked([], _, []).
marked([Goal|Goals], Number, [nb_setval('$tea_reached', Number), Goal|Marked]) :-
    Next is Number + 1,
    marked(Goals, Next, Marked).

conjunction([Goal], Goal) :- !.
conjunction([Goal|Goals], (Goal, Conjunction)) :-
    conjunction(Goals, Conjunction).

conjuncts(Body, Inside, Conjuncts) :-
    phrase(conjuncts(Body, Inside), Conjuncts).

conjuncts(Body, Inside) -->
    { nonvar(Inside), Inside = parentheses_term_position(_, _, Inner) },
    !,
    conjuncts(Body, Inner).
conjuncts(Body, Inside) -->
    { nonvar(Body), Body = (A, B), nonvar(Inside), Inside = term_position(_, _, _, _, [InsideA, InsideB]) },
    !,
    conjuncts(A, InsideA),
    conjuncts(B, InsideB).
conjuncts(Body, Inside) -->
    { compound(Inside) -> arg(1, Inside, Start), arg(2, Inside, End) ; Start = 0, End = 0 },
    [Body-(Start-End)].

clauses(Terms, Place, Items) :-
    is_list(Terms),
    !,
    findall(New, ( member(Term, Terms), clauses(Term, Place, New) ), Lists),
    append(Lists, Items).
clauses((:- Directive), Place, [declaration(Place, Directive)]) :-
    !,
    permit_declaration(Directive).
clauses(Clause0, Place, [clause(Place, Clause)]) :-
    guarded_clause(Clause0, Clause),
    ( sandboxed -> permit_head(Clause) ; true ),
    (   sandboxed,
        ( goals_seen ; hook(Clause) )
    ->  permit_clause(Clause)
    ;   true
    ).

%   kind(+Term, +Anonymous, -Kind): clause, declaration or goal.

kind(Term, _, _) :-
    var(Term),
    !,
    throw(tea_syntax("a variable stands where a goal or a fact is expected")).
kind((:- Directive), _, Kind) :-
    !,
    ( declared(Directive) -> Kind = declaration ; Kind = goal ).
kind((?- _), _, goal) :- !.
kind((_ :- _), _, clause) :- !.
kind((_ --> _), _, clause) :- !.
kind((_ => _), _, clause) :- !.
kind('?=>'(_, _), _, clause) :- !.
kind(_:_, _, goal) :- !.
kind(Term, _, goal) :-
    atom(Term),
    !.
kind(Term, Anonymous, Kind) :-
    compound(Term),
    !,
    (   declared(Term)
    ->  Kind = declaration
    ;   own(Term)
    ->  (   Anonymous == false,
            clause(tea_block:Term, Body),
            Body \== true
        ->  Kind = goal
        ;   Kind = clause
        )
    ;   known(Term)
    ->  Kind = goal
    ;   Kind = clause
    ).
kind(Term, _, _) :-
    term_text(Term, Text),
    format(string(Message), '~s is neither a goal nor a fact', [Text]),
    throw(tea_syntax(Message)).

own(Term) :-
    functor(Term, Name, Arity),
    functor(Head, Name, Arity),
    defined_in(tea_block, Head),
    \+ predicate_property(tea_block:Head, imported_from(_)).

%   Unlike predicate_property/2 this loads nothing.

defined_in(Module, Head) :-
    '$c_current_predicate'(_, Module:Head),
    '$get_predicate_attribute'(Module:Head, defined, 1).

%   known(+Term): there is a predicate that the block did not define. Nothing is loaded to find out.

known(Term) :-
    functor(Term, Name, Arity),
    functor(Head, Name, Arity),
    import_chain(tea_block, Module),
    defined_in(Module, Head),
    !.
known(Term) :-
    functor(Term, Name, Arity),
    '$find_library'(tea_block, Name, Arity, Library, _),
    \+ memberchk(Library, [backward_compatibility, edinburgh, quintus, record, settings]).

import_chain(Module, Module).
import_chain(Module, Found) :-
    import_module(Module, Next),
    import_chain(Next, Found).

%   declared(+Directive): it says something about predicates or syntax of the block.

declared(Directive) :-
    nonvar(Directive),
    declaration(Directive).

declaration(dynamic(_)).
declaration(discontiguous(_)).
declaration(multifile(_)).
declaration(public(_)).
declaration(table(_)).
declaration(meta_predicate(_)).
declaration(non_terminal(_)).
declaration(op(_, _, _)).
declaration(style_check(_)).
declaration(use_module(_)).
declaration(use_module(_, _)).
declaration(ensure_loaded(_)).
declaration(include(_)).
declaration(load_files(_, _)).
declaration(consult(_)).
declaration(autoload(_)).
declaration(autoload(_, _)).
declaration(set_prolog_flag(_, _)).
